"""What a rule is: a code, its words, its examples, and the function that finds what it speaks of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from mcp_workbench.findings import Edit, Finding, Place
from mcp_workbench.rules.module import Module

Version = tuple[int, ...]
DOCS = "https://gofastmcp.com"


class Example(NamedTuple):
    """A server that goes wrong, or one that does not; the tests run it, and `explain` shows it.

    `code` is a module. `does` are the statements of a client of it, with `client` connected to its `mcp` in
    each of `eras`; without them, what is tried is the import, or the `command` ("python", "fastmcp inspect",
    "fastmcp run").
    `shows` is a regular expression: of a bad example the failure (`ToolError: ...`), or what is printed where
    it fails in silence; of a good one what is printed. `files` are other files of its project, by path.
    `finds` is how many findings of the rule there are in a bad one.
    """

    code: str
    does: str = ""
    shows: str = ""
    files: Mapping[str, str] = MappingProxyType({})
    command: str = ""
    eras: tuple[str, ...] = ("sessionless", "handshake")
    finds: int = 1


class Target(NamedTuple):
    """What the server runs on: FastMCP's version, whether its Python reaches 3.12, and what is installed.

    `requires` are the packages that the project declares, normalised (`py-key-value-aio`): those of its
    pyproject.toml (with its extras and groups) or requirements.txt; None where that is not known.
    """

    fastmcp: Version = (4, 1, 2)
    python_312: bool = True
    requires: frozenset[str] | None = None


class Rule(NamedTuple):
    """One thing that goes wrong with FastMCP servers.

    Args:
        code: MCP001 to MCP025 are the classic errors, MCP101 to MCP126 what changed between versions.
        name: A few words with hyphens.
        line: What is wrong, in a line.
        happens: What one sees on the installed FastMCP: the exception's text, or what silently goes wrong.
        why: The reason, in a sentence or two.
        fix: What to do.
        links: Documentation.
        find: Gives the findings in a module.
        since: The first version of FastMCP for which it holds.
        until: The first version for which it holds no more; () while it still does.
        default: Whether it is reported without being asked for.
        running: Whether it also speaks of cells that are not finished: what a learner meets while running.
    """

    code: str
    name: str
    line: str
    happens: str
    why: str
    fix: str
    links: tuple[str, ...]
    find: Callable[[Rule, Module, Target], Iterable[Finding]]
    since: Version = (2, 0)
    until: Version = ()
    default: bool = True
    running: bool = False

    def holds(self, target: Target) -> bool:
        """Whether the rule speaks of that version."""
        return target.fastmcp >= self.since and not (self.until and target.fastmcp >= self.until)

    @property
    def bad(self) -> tuple[Example, ...]:
        """Servers with the error; the first one is the plainest."""
        examples: dict[str, tuple[Example, ...]] = self._examples.BAD
        return examples[self.code]

    @property
    def good(self) -> tuple[Example, ...]:
        """The same servers, put right, and servers that only look wrong."""
        examples: dict[str, tuple[Example, ...]] = self._examples.GOOD
        return examples[self.code]

    @property
    def _examples(self) -> Any:
        """The module of the family's examples, which checking does not need."""
        family = self.find.__module__.rpartition(".")[2]
        return import_module(f"mcp_workbench.rules.examples.{family}")

    @property
    def url(self) -> str:
        """Where to read more."""
        return self.links[0]

    def at(
        self,
        module: Module,
        node: ast.AST,
        what: str,
        do: str = "",
        edits: Iterable[Edit] = (),
        unfixed: str = "",
    ) -> Finding:
        """A finding of this rule at a node; `what` and `do` are full clauses about this very code.

        `edits` put it right without a change of meaning; `unfixed` says why none do.
        """
        place = place_of(module, node)
        return Finding(self.code, place, what, self.why, do or self.fix, tuple(edits), unfixed, self.url)


def place_of(module: Module, node: ast.AST) -> Place:
    """Where a node stands in its file."""
    line, end = getattr(node, "lineno", 1), getattr(node, "end_lineno", 1)
    source = module.lines[line - 1] if line <= len(module.lines) else ""
    return Place(
        module.path,
        line=line,
        column=module.column(line, getattr(node, "col_offset", 0)),
        source=source,
        end_line=end,
        end_column=module.column(end, getattr(node, "end_col_offset", 0)),
    )


def edit(module: Module, node: ast.AST, text: str) -> Edit:
    """Put a text in the place of a node."""
    place = place_of(module, node)
    return Edit(place.line, place.column, place.end_line, place.end_column, text)


def rename(module: Module, node: ast.Attribute, name: str) -> Edit:
    """Put another name behind an attribute's dot."""
    place = place_of(module, node)
    start = place.end_column - len(node.attr)
    return Edit(place.end_line, start, place.end_line, place.end_column, name)


def insert(module: Module, node: ast.AST, text: str) -> Edit:
    """Put a text before a node."""
    place = place_of(module, node)
    return Edit(place.line, place.column, place.line, place.column, text)


def source_text(module: Module, node: ast.AST) -> str:
    """A node as it is written in its file."""
    return ast.get_source_segment(module.text, node) or ast.unparse(node)
