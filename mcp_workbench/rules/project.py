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
        self._sources: dict[str, Source | Finding] = {}
        self._modules: dict[str, Module | None] = {}
        self._found: dict[tuple[str, str], Module | None] = {}
        self._names: dict[tuple[str, str], Path | None] = {}

    def read(self, path: Path) -> Source | Finding:
        """A file, parsed once; or the one finding that says why it is no Python.

        Raises:
            NotReadable: It cannot be read at all.
        """
        key = str(path.absolute())
        if key not in self._sources:
            self._sources[key] = read(path)
        return self._sources[key]

    def module(self, source: Source, outer: Module | None = None) -> Module:
        """The module of a source, which may find others of its project."""
        path = Path(source.path)
        key = str(path.absolute())
        made = self._modules.get(key)
        if made is None or made.tree is not source.tree or outer is not None:
            home, name = dotted_name(path)
            find = partial(self._find, path.parent, home)
            package = path.name == "__init__.py"
            made = Module(source.path, source.text, source.tree, name, find, package, outer)
            self._modules[key] = made
        return made

    def forget(self) -> None:
        """Take apart what refers to itself, so that the memory is free at once: the collector takes long."""
        for module in self._modules.values():
            if module is not None:
                module.scope.names.clear()
                for region in module.regions.values():
                    region.scope.names.clear()
                vars(module).clear()

    def _find(self, folder: Path, home: Path, dotted: str) -> Module | None:
        """The module of that name: beside the file, or under the folders that a project imports from."""
        key = (str(folder), dotted)
        if key not in self._found:
            roots = dict.fromkeys((folder, home, home / "src"))
            paths = (self._path(root, dotted) for root in roots)
            path = next((path for path in paths if path is not None), None)
            self._found[key] = self._load(path) if path is not None else None
        return self._found[key]

    def _path(self, root: Path, dotted: str) -> Path | None:
        first, _, rest = dotted.partition(".")
        if rest and self._path(root, first) is None and not (root / first).is_dir():
            return None
        if not all(dotted.split(".")):
            return None
        key = (str(root), dotted)
        if key not in self._names:
            base = root.joinpath(*dotted.split("."))
            candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py")
            self._names[key] = next((path for path in candidates if path.is_file()), None)
        return self._names[key]

    def _load(self, path: Path) -> Module | None:
        key = str(path.absolute())
        if key not in self._modules:
            self._modules[key] = None  # while it is read: modules may import each other
            try:
                source = self.read(path)
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
