"""A trace's sequence diagram as SVG in the page's colours: Mermaid's own script is a megabyte. Pure."""

from __future__ import annotations

import re
from html import escape

ARROW = re.compile(r"^(?P<end>[CS])(?P<arrow>-->>|--x|-\)|->>)[CS]: (?P<text>.*)$")
NOTE = re.compile(r"^Note over C,S: (?P<text>.*)$")
LEFT, RIGHT, STEP, TOP = 60, 540, 44, 40


def as_svg(mermaid: str) -> str:
    """The diagram that `trace(...).diagram()` gives, drawn; "" for any other kind of diagram.

    Solid lines are requests and notifications, broken ones answers. Read aloud it is the messages in order.

    >>> as_svg("sequenceDiagram\\n    C->>S: 1 initialize")[:11]
    '<figure cla'
    """
    lines = [line.strip() for line in mermaid.splitlines()]
    if lines[:1] != ["sequenceDiagram"]:
        return ""
    drawn, said, y = [], [], TOP
    for line in lines[1:]:
        arrow = ARROW.match(line)
        found = arrow or NOTE.match(line)
        if found is None:
            continue
        y += STEP
        text = escape(_plain(found["text"]))
        said.append(text)
        drawn.append(f'<text x="{(LEFT + RIGHT) / 2}" y="{y - 7}" text-anchor="middle">{text}</text>')
        if arrow is not None:
            drawn.append(_arrow(arrow["end"] == "C", y, broken=arrow["arrow"].startswith("--")))
    height = y + 20
    ends = "".join(
        f'<text x="{x}" y="20" text-anchor="middle" font-weight="bold">{name}</text>'
        f'<line x1="{x}" x2="{x}" y1="30" y2="{height}" stroke="currentColor" opacity="0.4"/>'
        for x, name in ((LEFT, "client"), (RIGHT, "server"))
    )
    return (
        f'<figure class="sequence"><svg viewBox="0 0 600 {height}" role="img" fill="currentColor" '
        f'font-size="14" aria-label="{"; ".join(said)}">{ends}{"".join(drawn)}</svg></figure>'
    )


def _arrow(rightwards: bool, y: int, *, broken: bool) -> str:
    start, end, back = (LEFT, RIGHT, -9) if rightwards else (RIGHT, LEFT, 9)
    dashes = ' stroke-dasharray="6 4"' if broken else ""
    return (
        f'<line x1="{start}" x2="{end}" y1="{y}" y2="{y}" stroke="currentColor"{dashes}/>'
        f'<path d="M{end} {y}l{back} -5v10z"/>'
    )


def _plain(label: str) -> str:
    """Mermaid writes # and ; as entities."""
    return label.replace("#59;", ";").replace("#35;", "#")
