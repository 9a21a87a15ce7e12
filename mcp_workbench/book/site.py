"""Sphinx, with MyST-NB and Furo: from a folder of pages to a site that needs no network.

mystmd, which Jupyter Book 2 rests on, fetches its templates from the network and needs Node.js, so it is not
used; MyST-NB is Jupyter Book 1's. This module is an extension of Sphinx, too (`setup`): formulas become
MathML, since MathJax would be fetched, and pages drive a progress bar.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from mcp_workbench.executing import bars

STATIC = Path(__file__).with_name("static")
CONFIGURATION: dict[str, Any] = {
    "extensions": ["myst_nb", "mcp_workbench.book.site"],
    "html_theme": "furo",
    "html_theme_options": {
        "navigation_with_keys": False,  # the arrows scroll long lines
        "light_css_variables": {"color-code-background": "#f4f4f4"},  # the style's own is nearly white
    },
    "html_static_path": [str(STATIC)],
    "html_css_files": ["book.css"],
    "html_js_files": ["book.js"],
    "html_copy_source": False,
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "html_use_index": False,
    "html_math_renderer": "mathml",
    "smartquotes": False,  # what is quoted is often typed
    "pygments_style": "a11y-high-contrast-light",
    "language": "en",
    "myst_enable_extensions": ["attrs_block", "colon_fence", "deflist", "dollarmath"],
    "nb_execution_mode": "off",
    "nb_ipywidgets_js": {},  # else RequireJS and the widgets' own script, from two CDNs
    "nb_merge_streams": True,
    # What needs the widgets' script has a plain text beside it.
    "nb_mime_priority_overrides": [("html", "application/vnd.jupyter.widget-view+json", None)],
    "suppress_warnings": ["myst.header", "mystnb.unknown_mime_type"],
}


def build(source: Path, target: Path, title: str, pages: Sequence[str], console: Console) -> list[str]:
    """Build the site.

    Args:
        source: The folder of the pages, whose first one is `index`.
        target: The folder to write to.
        title: The book's.
        pages: The names of the pages; other files in `source` are what they refer to.
        console: Where the bar is drawn.

    Returns:
        What Sphinx warns of, such as a link that leads nowhere: a line each, with page and line.

    >>> build(Path("pages"), Path("site"), "Library desk", ["index"], Console())
    []
    """
    from sphinx.application import Sphinx
    from sphinx.util.console import nocolor
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    nocolor()
    warned = io.StringIO()
    more = {"project": title, "html_title": title, "include_patterns": [f"{name}.*" for name in pages]}
    with patch_docutils(), docutils_namespace(), bars(console) as progress:
        app = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=target,
            doctreedir=source / ".doctrees",
            buildername="html",
            confoverrides=CONFIGURATION | more,
            status=None,
            warning=warned,
        )
        for event, word in {"doctree-read": "pages read", "html-page-context": "pages written"}.items():
            task = progress.add_task(word, total=len(pages))
            app.connect(event, lambda *_, task=task: progress.advance(task))
        app.build()
    return [line.replace(f"{source}/", "") for line in warned.getvalue().splitlines() if line.strip()]


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls. Furo's setting is known only once Furo is loaded, and read right after that."""
    app.connect("builder-inited", _dark, priority=100)
    app.connect("html-page-context", _levels, priority=900)
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _dark(app: Any) -> None:
    app.config.pygments_dark_style = "a11y-high-contrast-dark"


def _levels(_app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """The captions of Furo's list of pages are headings without a level, which screen readers need."""
    tree = str(context["furo_navigation_tree"])
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def _inline(writer: Any, node: Any) -> None:
    _draw(writer, node, block=False)


def _block(writer: Any, node: Any) -> None:
    _draw(writer, node, block=True)


def _draw(writer: Any, node: Any, *, block: bool) -> None:
    from docutils.nodes import SkipNode  # type: ignore[import-untyped]
    from docutils.utils.math.latex2mathml import tex2mathml  # type: ignore[import-untyped]

    writer.body.append(tex2mathml(node.astext(), as_block=block))
    raise SkipNode
