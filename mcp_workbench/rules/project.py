"""The modules of a project: which file a dotted name means, each file parsed once."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from mcp_workbench.findings import Finding
from mcp_workbench.rules.module import Module
from mcp_workbench.rules.sources import NotReadable, Source, read


class Project:
    """The modules met so far, by file."""

    def __init__(self) -> None:
        self._modules: dict[Path, Module | None] = {}
        self._roots: dict[Path, tuple[Path, ...]] = {}
        self._names: dict[tuple[Path, str], Path | None] = {}

    def module(self, source: Source, outer: Module | None = None) -> Module:
        """The module of a source, which may find others of its project."""
        path = Path(source.path)
        home, name = dotted_name(path)
        find = partial(self._find, path.parent, home)
        package = path.name == "__init__.py"
        made = Module(source.path, source.text, source.tree, name, find, package, outer)
        self._modules[path.absolute()] = made
        return made

    def _find(self, folder: Path, home: Path, dotted: str) -> Module | None:
        """The module of that name: beside the file, or under the folders that a project imports from."""
        for root in dict.fromkeys((folder, home, home / "src")):
            path = self._path(root, dotted)
            if path is not None:
                return self._load(path)
        return None

    def _path(self, root: Path, dotted: str) -> Path | None:
        first, _, rest = dotted.partition(".")
        if rest and self._path(root, first) is None and not (root / first).is_dir():
            return None
        if not all(dotted.split(".")):
            return None
        key = (root, dotted)
        if key not in self._names:
            base = root.joinpath(*dotted.split("."))
            candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
            self._names[key] = next((path for path in candidates if path.is_file()), None)
        return self._names[key]

    def _load(self, path: Path) -> Module | None:
        key = path.absolute()
        if key not in self._modules:
            self._modules[key] = None  # while it is read: modules may import each other
            try:
                source = read(path)
            except NotReadable:
                return None
            if not isinstance(source, Finding):
                self.module(source)
        return self._modules[key]


def dotted_name(path: Path) -> tuple[Path, str]:
    """The folder that a file is imported from, and its dotted name there."""
    folder, parts = path.parent, [] if path.stem == "__init__" else [path.stem]
    while (folder / "__init__.py").is_file() and re.fullmatch(r"\w+", folder.name):
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)
