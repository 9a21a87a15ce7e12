"""The command line: one thin command per verb. argparse, for its start-up: 13 ms where click takes 30."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp_workbench.errors import WorkbenchError

EPILOG = """\
start here:
  mcp-workbench demo            see the whole path once: chapters, server.py, a client on it
  mcp-workbench lab             open JupyterLab on the first chapter

every day, in a workspace (a folder with notebooks/ and [tool.mcp-workbench] in pyproject.toml):
  mcp-workbench export          the finished cells (first line `#| export`) become server.py
  mcp-workbench export --check  dry run: shows what would change, exits 1 if anything would
  mcp-workbench where server.py:123
                                which cell of which chapter is this line?
  mcp-workbench update          take edits made in server.py home into the cells
  mcp-workbench check           what will go wrong with a FastMCP server: this one, or any other

exit codes: 0 done; 1 refused, stale or edited by hand; 2 usage, no workspace, unreadable or unwritable file
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code.

    >>> main(["export", "--check"])
    0
    """
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except WorkbenchError as error:
        print(f"mcp-workbench: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("mcp-workbench: interrupted; nothing half-written was left", file=sys.stderr)
        return 130


class _Paragraph(argparse.HelpFormatter):
    """Help as wide as the terminal. argparse asks shutil for the width, at every argument: 2 ms."""

    def __init__(self, prog: str) -> None:
        try:
            width = os.get_terminal_size().columns
        except OSError:  # no terminal
            width = 100
        super().__init__(prog, width=min(width, 100) - 2)


class _Help(_Paragraph, argparse.RawDescriptionHelpFormatter):
    """The same, with line breaks kept."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcp-workbench",
        description="Grow an MCP server in notebooks, and ship exactly what you ran.",
        epilog=EPILOG,
        formatter_class=_Help,
    )
    # Without `prog`, argparse formats the whole help to find it.
    verbs = parser.add_subparsers(metavar="command", required=True, prog=parser.prog)

    text = (
        "Executes every chapter from a fresh kernel, exports server.py, starts it over stdio and HTTP, and "
        "talks to it in both protocol eras. Outside a workspace it uses a temporary copy of the course."
    )
    verb = _verb(verbs, "demo", _demo, "run the chapters, export, serve, and talk to the server", text)

    text = "Outside a workspace it first copies the course to ./mcp-desk, once; from then on that is yours."
    verb = _verb(verbs, "lab", _lab, "open JupyterLab on the first chapter", text)
    verb.add_argument("workspace", nargs="?", type=Path, help="default: here, or the carried course")

    text = (
        "A finished cell is a code cell whose first line is `#| export`; in one that says `#| export "
        "revise`, a definition replaces an earlier one. What cannot be part of a server is refused, all of "
        "it at once. server.py is replaced as a whole or not at all, and never when somebody edited it."
    )
    verb = _verb(verbs, "export", _export, "write the finished cells to server.py", text)
    verb.add_argument("workspace", nargs="?", type=Path, help="default: the one you are in")
    verb.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: its server.py")
    verb.add_argument(
        "--check", action="store_true", help="write nothing; show the difference; exit 1 if any"
    )
    verb.add_argument("--force", action="store_true", help="overwrite a file that was edited by hand")

    text = "Shows chapter, heading, cell and line, with the cell's source around it."
    verb = _verb(verbs, "where", _where, "find the cell of a line, or the lines of a cell", text)
    verb.add_argument(
        "address",
        help="server.py:123, 04_context.ipynb#ask, 04_context.ipynb#ask:7, or a line of a traceback",
    )

    text = (
        "Shows the difference cell by cell and asks. Only those cells change, and their outputs are "
        "cleared. An import added at the top goes to the first cell that uses it. Refused: edits of the "
        "head and the tail, which come from elsewhere, and a chapter that changed since the export. Save "
        "and close the notebooks first."
    )
    verb = _verb(verbs, "update", _update, "take edits made in server.py home into the notebooks", text)
    verb.add_argument("workspace", nargs="?", type=Path, help="default: the one you are in")
    verb.add_argument("--yes", action="store_true", help="do not ask")

    text = (
        "Reads Python files, notebooks and folders, and runs nothing: a server that cannot even be imported "
        "can be checked. MCP001 to MCP025 are the 25 classic errors, MCP101 to MCP126 what changed from "
        "FastMCP 2 and 3 to 4, MCP201 and on what export refuses. `# noqa: MCP005` at the end of a line "
        "silences it there; select, ignore and target can stand in [tool.mcp-workbench.check]. Exit codes: "
        "0 nothing found, 1 findings, 2 something could not be checked."
    )
    verb = _verb(verbs, "check", _check_code, "find what will go wrong with a FastMCP server", text)
    verb.add_argument(
        "paths", nargs="*", type=Path, default=[Path()], help="files and folders; default: here"
    )
    codes: dict[str, Any] = {"action": "extend", "type": _codes, "default": [], "metavar": "CODES"}
    verb.add_argument(
        "--select", **codes, help="only these codes, or those that begin so: MCP005,MCP1; or ALL"
    )
    verb.add_argument("--ignore", **codes, help="not these")
    verb.add_argument(
        "--target", default="", metavar="VERSION", help="of FastMCP: 2.14, 3, 4; default: installed"
    )
    formats = ["text", "json", "github", "sarif"]
    verb.add_argument("--format", choices=formats, default="text", help="default: text")
    verb.add_argument("--statistics", action="store_true", help="only how often each code was found")
    verb.add_argument("--fix", action="store_true", help="put right what can be without a change of meaning")
    verb.add_argument("--diff", action="store_true", help="write nothing; show what --fix would change")
    verb.add_argument(
        "--import", action="store_true", dest="load", help="also load each server, and look at it"
    )

    text = "Prints what happens, why, what to do, and a wrong and a right example; without a code, all codes."
    verb = _verb(verbs, "explain", _explain, "say what a finding of check means", text)
    verb.add_argument("code", nargs="?", default="", help="such as MCP005")
    return parser


def _codes(text: str) -> list[str]:
    return [code for code in text.upper().replace(",", " ").split() if code]


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object, what: str, more: str
) -> argparse.ArgumentParser:
    described = f"{what[0].upper()}{what[1:]}. {more}"
    verb = verbs.add_parser(name, help=what, description=described, formatter_class=_Paragraph)
    verb.set_defaults(run=run)
    return verb


def _export(options: argparse.Namespace) -> int:
    from mcp_workbench import export, workspace

    here = workspace.find(options.workspace)
    target = options.output or here.server
    made = export.export(here)
    for warning in made.warnings:
        print(f"mcp-workbench: warning: {warning}", file=sys.stderr)
    if options.check:
        return _check(made.text, export.read_target(target), target)
    written = export.write(made, target, force=options.force)
    print(f"{target}: {'written' if written else 'up to date'}, {len(made.program.pieces)} cells")
    from mcp_workbench.rules.command import warnings_of

    if found := warnings_of(here, made.program):
        print(f"\n{found}\n\nmcp-workbench: warning: `mcp-workbench explain CODE` says more", file=sys.stderr)
    return 0


def _check(new: str, old: str | None, target: Path) -> int:
    if new == old:
        print(f"{target}: up to date")
        return 0
    import difflib

    from mcp_workbench.layout import is_untouched
    from mcp_workbench.sections import take_apart

    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        new.splitlines(keepends=True),
        f"{target} (as it is)",
        f"{target} (as the notebooks say)",
    )
    sys.stdout.writelines(line if line.endswith("\n") else f"{line}\n" for line in lines)
    edited = old is not None and take_apart(old) is not None and not is_untouched(old)
    do = "it was edited: run `mcp-workbench update`" if edited else "run `mcp-workbench export`"
    print(f"mcp-workbench: {target} is not what the notebooks say: {do}", file=sys.stderr)
    return 1


def _where(options: argparse.Namespace) -> int:
    from mcp_workbench.where import where

    print(where(options.address))
    return 0


def _update(options: argparse.Namespace) -> int:
    from mcp_workbench import update, workspace

    return update.run(workspace.find(options.workspace), yes=options.yes)


def _demo(options: argparse.Namespace) -> int:
    from mcp_workbench.demo import demo

    return demo()


def _lab(options: argparse.Namespace) -> int:
    from mcp_workbench.lab import lab

    return lab(options.workspace)


def _check_code(options: argparse.Namespace) -> int:
    from mcp_workbench.rules.command import Options, run

    return run(
        Options(
            tuple(options.paths),
            tuple(options.select),
            tuple(options.ignore),
            options.target,
            options.format,
            options.statistics,
            options.fix,
            options.diff,
            options.load,
        )
    )


def _explain(options: argparse.Namespace) -> int:
    from mcp_workbench.rules.command import explain

    print(explain(options.code))
    return 0
