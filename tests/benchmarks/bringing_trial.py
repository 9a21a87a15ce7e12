"""Which servers come back as the same program? A trial of `new --from` on files that others wrote.

    python tests/benchmarks/bringing_trial.py FILE...

Each file is read and cut; nothing of it is run, and nothing written. A line for each: its chapters and
cells and the longest one, or why it was refused. Servers of several modules are refused by nature, and
counted apart.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.findings import Refused
from mcp_workbench.new.bringing import bring


def outcome(file: Path) -> tuple[str, str]:
    """How it went, in a word, and the figures or the reasons."""
    try:
        brought = bring(file, "trial")
    except Refused as refused:
        codes = Counter(finding.code for finding in refused.findings)
        first = {finding.code: finding.what for finding in reversed(refused.findings)}
        told = "; ".join(f"{code} x{count} {first[code]}" for code, count in codes.items())
        return "several modules" if "MCP217" in codes else "refused", told
    except WorkbenchError as error:
        return "NOT THE SAME", str(error)
    books = [json.loads(text)["cells"] for text in brought.notebooks.values()]
    code = ["".join(c["source"]) for cells in books for c in cells if c["cell_type"] == "code"]
    finished = [text for text in code if text.startswith("#| export")]
    longest = max(text.count("\n") for text in finished)
    told = f"{len(books)} chapters, {len(finished)} cells, the longest {longest} lines"
    return "same", f"{told}; {len(brought.notes)} notes"


def main() -> None:
    results: Counter[str] = Counter()
    for name in sys.argv[1:]:
        started = time.perf_counter()
        how, told = outcome(Path(name))
        results[how] += 1
        print(f"{Path(name).name:60} {how:16} {time.perf_counter() - started:5.2f} s  {told}")
    print(dict(results))


if __name__ == "__main__":
    main()
