"""What the project around a file declares, in pyproject.toml and requirements.txt: Pythons, requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from mcp_workbench.rules.rule import Target, Version

REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def target_of(path: Path, fastmcp: Version) -> Target:
    """What a file runs on: FastMCP's version, and what the nearest project around it declares."""
    python_312, requires = _declared(path.absolute().parent)
    return Target(fastmcp, python_312, requires)


def normalised(requirement: str) -> str:
    """The package that a requirement names: py-key-value-aio for `py_key.value-aio[redis]>=0.4; os_name`."""
    match = REQUIREMENT.match(requirement)
    return re.sub(r"[-_.]+", "-", match.group(1)).lower() if match else ""


@cache
def _declared(folder: Path) -> tuple[bool, frozenset[str] | None]:
    """Whether its Pythons reach 3.12, and what it requires: None where that is not known."""
    listed: set[str] = set()
    for here in (folder, *folder.parents):
        for file in sorted(here.glob("requirements*.txt")):
            listed.update(map(normalised, _text(file).splitlines()))
        if (here / "pyproject.toml").is_file():
            data = _tables(here / "pyproject.toml")
            project = data.get("project", {})
            reaches = _reaches_312(str(project.get("requires-python", "")))
            if "dependencies" in project.get("dynamic", []):
                return reaches, None
            kinds = [project.get(kind) for kind in ("dependencies", "optional-dependencies")]
            poetry = data.get("tool", {}).get("poetry", {}).get("dependencies", {})
            listed.update(map(normalised, _texts([*kinds, data.get("dependency-groups"), list(poetry)])))
            return reaches, frozenset(listed - {""}) or None
    return True, frozenset(listed - {""}) or None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _tables(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(_text(file))
    except ValueError:
        return {}


def _texts(value: object) -> Iterator[str]:
    """All texts in lists and tables of lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _reaches_312(requires: str) -> bool:
    """Does this range of Pythons have one from 3.12 on?"""
    if not re.search(r"[<=]", requires.replace(">=", "")):
        return True  # no upper end
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        allowed = SpecifierSet(requires)
    except InvalidSpecifier:
        return True
    return any(f"3.{minor}.0" in allowed for minor in range(12, 20))
