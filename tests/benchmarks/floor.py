"""The floor: what any exporter must do. Parse the JSON, parse and compile each marked cell, write the text.

python floor.py FOLDER TARGET
"""

import ast
import json
import sys
from pathlib import Path


def floor(folder: Path, target: Path) -> None:
    """Join the marked cells of the notebooks in a folder."""
    parts = []
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and source.startswith("#| export"):
                compile(ast.parse(source), "<cell>", "exec", dont_inherit=True)
                parts.append(source)
    target.write_text("\n\n\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    floor(Path(sys.argv[1]), Path(sys.argv[2]))
