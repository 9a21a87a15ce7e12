"""The command line: one thin command per verb. argparse, for its start-up: 13 ms where click takes 30."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from mcp_workbench.workspace import Workspace

EPILOG = """\
start here:
  mcp-workbench demo            see the whole path once: chapters, server.py, a client on it
  mcp-workbench lab             open JupyterLab on the first chapter
  mcp-workbench new my-server   make a workspace of your own, from a template, an API or a server.py

  mcp-workbench course --help   teach it: chapters for learners, and for instructors

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
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        _parser().print_help(sys.stderr)
        return 2
    own, theirs = _split(given)
    options = _parser().parse_args(own)
    options.jupyter = theirs
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


def _split(given: list[str]) -> tuple[list[str], list[str]]:
    """What is ours, and what `lab` passes on: `mcp-workbench lab -- --no-browser`."""
    if given[0] != "lab" or "--" not in given:
        return given, []
    place = given.index("--")
    return given[:place], given[place + 1 :]


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

    text = (
        "It passes its own tests from the start: chapters, the server.py that they export, tests of it in "
        "both protocol eras, a workflow for CI. Templates: blank, to be rewritten; desk, a small library; "
        "sqlite, a database that a model may ask in SQL; openapi, the API that an OpenAPI document "
        "describes. With --from the chapters are cut from a server that you have, which stays as it is. "
        "With --spec and --from the new server is loaded once, to note what it offers. NAME must not be "
        "there yet, or be empty."
    )
    verb = _verb(verbs, "new", _new, "make a workspace of your own", text)
    verb.add_argument("target", type=Path, metavar="NAME", help="the folder to make, such as my-server")
    templates = ["blank", "desk", "openapi", "sqlite"]
    verb.add_argument("--template", choices=templates, help="default: blank")
    verb.add_argument(
        "--spec",
        default="",
        metavar="FILE_OR_URL",
        help="of openapi: the document, in JSON or YAML, 3.0 or 3.1",
    )
    verb.add_argument(
        "--from", type=Path, dest="server", metavar="SERVER.py", help="make the chapters of this server"
    )
    verb.add_argument("--dry-run", action="store_true", help="write nothing; list what would be written")

    text = (
        "Outside a workspace it first copies the course to ./mcp-desk, once; from then on that is yours. "
        "What follows after `--` is JupyterLab's: mcp-workbench lab -- --no-browser --port 9000"
    )
    verb = _verb(verbs, "lab", _lab, "open JupyterLab on the first chapter", text)
    verb.add_argument("workspace", nargs="?", type=Path, help="default: here, or the carried course")

    text = (
        "Executes every chapter, and makes a site of them with search, a glossary, the errors by message, "
        "the server's reference and server.py; it needs no network, when it is made and when it is read. "
        "DIR is replaced as a whole, and only if it is a book; a chapter that fails leaves it as it was. "
        "Open DIR/index.html, or serve it: `python -m http.server -d DIR`. It needs the extra: pip install "
        "'mcp-workbench[book]'."
    )
    verb = _verb(verbs, "book", _book, "make a site to read of the executed chapters", text)
    verb.add_argument("target", type=Path, metavar="DIR", help="the folder to write, such as site")
    verb.add_argument("workspace", nargs="?", type=Path, help="default: the one you are in")
    verb.add_argument(
        "--no-execute",
        action="store_false",
        dest="execute",
        help="do not run the chapters: a quick look, with the outputs that the notebooks have",
    )

    text = (
        "`build` makes a workspace of the chapters: for learners, with exercises to fill in; for "
        "instructors, with solutions, planned times and what usually goes wrong. Both export the same "
        "server.py. `copy` gives you the learner's chapters of the course that comes with this package. DIR "
        "must not be there yet, or be empty."
    )
    verb = _verb(verbs, "course", _course_build, "make the learner's or the instructor's chapters", text)
    what = verb.add_subparsers(metavar="what", required=True, prog=f"{parser.prog} course")
    text = "From the workspace that you are in, else from the course that comes with this package."
    part = _verb(what, "build", _course_build, "write the chapters for learners or for instructors", text)
    part.add_argument(
        "--for",
        dest="kind",
        choices=["learner", "instructor"],
        required=True,
        help="with or without solutions",
    )
    part.add_argument("folder", type=Path, metavar="DIR", help="the workspace to make")
    part = _verb(what, "copy", _course_copy, "write the learner's chapters of the carried course", "To DIR.")
    part.add_argument("folder", type=Path, metavar="DIR", help="the workspace to make, such as mcp-desk")

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


def _book(options: argparse.Namespace) -> int:
    from mcp_workbench.book import book

    return book(options.target, options.workspace, run=options.execute)


def _new(options: argparse.Namespace) -> int:
    from mcp_workbench.new.making import new

    return new(
        options.target,
        template=options.template,
        spec=options.spec,
        server=options.server,
        dry_run=options.dry_run,
    )


def _lab(options: argparse.Namespace) -> int:
    from mcp_workbench.lab import lab

    return lab(options.workspace, options.jupyter)


def _course_build(options: argparse.Namespace) -> int:
    from mcp_workbench import workspace

    try:
        source = workspace.find()
    except WorkbenchError:
        source = workspace.course()
    return _built(source, options.folder, options.kind)


def _course_copy(options: argparse.Namespace) -> int:
    from mcp_workbench import workspace

    return _built(workspace.course(), options.folder, "learner")


def _built(source: Workspace, folder: Path, kind: str) -> int:
    from mcp_workbench.course.building import build

    made = build(source, folder, kind)
    chapters = len(made.chapters())
    print(f"{folder}: {chapters} chapters for {kind}s. Open them: mcp-workbench lab {folder}")
    return 0


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
