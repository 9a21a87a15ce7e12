"""New: make a workspace that passes its own tests. All of it is complete before it gets its name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_workbench import notebook
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.export import made_of
from mcp_workbench.new import openapi
from mcp_workbench.new.templates import TEMPLATES, files_of, filled
from mcp_workbench.workspace import FASTMCP, PYTHON, Workspace

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
REQUIRED = ("fastmcp", "mcp", "mcp-workbench", "nbmake", "pytest", "pytest-asyncio")
LISTING = "tests/listing.json"
SPEC = "notebooks/data/openapi.json"
OF_THE_TIDES = ("tests/tides_api.py", "tests/test_tides.py")  # of the document that ships with the template
UNFIT = r'["\\\x00-\x1f\x7f]'  # for the first line of server.py, and for TOML
SECONDS = 60  # that a new server may take to say what it offers


@dataclass(frozen=True, slots=True)
class Plan:
    """What a workspace is made of, before its name is filled in."""

    made_from: str
    description: str
    about: str
    requires: tuple[str, ...]
    templates: Mapping[str, str]
    """Files with marked words, by their places."""
    words: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    ready: Mapping[str, str] = field(default_factory=dict)
    """Files that stay as they are: what they hold came from elsewhere."""
    notes: tuple[str, ...] = ()


def new(
    target: Path,
    *,
    template: str | None = None,
    spec: str = "",
    server: Path | None = None,
    dry_run: bool = False,
) -> int:
    """Make the workspace `target`, whose last part is its name; gives the exit code.

    Args:
        target: The folder to make; its parent must exist.
        template: A name in TEMPLATES; blank where neither it nor `server` is given.
        spec: The OpenAPI document, a path or a URL, for the template openapi.
        server: A server.py whose cells become the chapters, instead of a template.
        dry_run: Write nothing, and list what would be written.

    Raises:
        WorkbenchError: The name, the folder or what was asked for cannot be; nothing was written.
        Refused: The chapters of `server` make no server.

    >>> new(Path("my-server"), template="sqlite")
    0
    """
    if server is not None and template is not None:
        raise WorkbenchError(
            "--template and --from exclude each other: a workspace is made from one of them."
        )
    if spec and template != "openapi":
        raise WorkbenchError("--spec goes with --template openapi, and only with that.")
    name = _usable_name(target)
    _usable_folder(target)
    plan = (
        _from_server(server, name) if server is not None else _from_template(template or "blank", name, spec)
    )
    _no_requirement(name, plan.requires)
    files = files_for(name, plan)
    if dry_run:
        for place in sorted({*files, LISTING}):
            print(target / place)
        print(f"{target}: would be made from {plan.made_from}; nothing was written")
    else:
        unlisted = _write(target, files, may_lack_listing=server is not None)
        print(f"{target}: made from {plan.made_from}")
        if unlisted:
            print(
                f"  note: {LISTING} is missing, for the server cannot be loaded here: {unlisted}. "
                "Once it can, `python tests/test_server.py` writes it"
            )
    for note in plan.notes:
        print(f"  note: {note}")
    if not dry_run:
        print(f"\n  cd {target}\n  pip install -e '.[test]'\n  pytest\n  mcp-workbench lab")
    return 0


# What is asked for ------------------------------------------------------------------------------------------


def _usable_name(target: Path) -> str:
    name = target.name
    if not NAME.fullmatch(name):
        raise WorkbenchError(
            f"{name or str(target)!r}: not a usable name: letters without accents, digits, and between them "
            "the signs - _ . are allowed, such as my-server."
        )
    return name


def _no_requirement(name: str, requires: Iterable[str]) -> None:
    """A workspace that bears the name of what it requires would be installed in its place."""
    needed = {_normal(re.split(r"[^\w.-]", item.strip())[0]) for item in (*REQUIRED, *requires)}
    if _normal(name) in needed:
        raise WorkbenchError(f"{name}: the workspace requires a package of that name. Choose another name.")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).casefold()


def _usable_folder(target: Path) -> None:
    """Refuse a folder with something in it, and one that cannot be made."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise WorkbenchError(f"{target}: exists, and is no folder. Choose another name.")
    try:
        if target.exists() and any(target.iterdir()):
            raise WorkbenchError(f"{target}: exists, and is not empty. Choose another name, or empty it.")
    except OSError as error:
        raise WorkbenchError(f"{target}: cannot be read: {error}. Choose another name.") from error
    parent = target.parent
    if not parent.is_dir():
        raise WorkbenchError(f"{parent}: no such folder. Make it first, or choose another place.")
    if not parent.stat().st_mode & 0o222:  # asked of the bits: root may write anything
        raise WorkbenchError(
            f"{parent}: is read-only. Make it writable (chmod u+w), or choose another place."
        )


def _from_template(name: str, workspace: str, spec: str) -> Plan:
    template = TEMPLATES[name]
    made_from = f"the template {name}"
    files = {**files_of("common"), **files_of(name)}
    if name != "openapi":
        return Plan(
            made_from,
            template.description,
            template.about,
            template.requires,
            files,
            settings=template.settings,
        )
    shipped = files.pop(SPEC)
    description, about = template.description, template.about
    if spec:
        document = openapi.read(spec)
        for place in (*OF_THE_TIDES, LISTING):
            del files[place]
        made_from = f"its OpenAPI document, which has {len(document.operations)} operations"
        description = f"The API {re.sub(UNFIT, '', document.title)}, for a model."
        about = (
            f"A server made from the OpenAPI document of {document.title}, which stands in `{SPEC}`. "
            "Its tests start an application on loopback in the place of the API, and need no network."
        )
    else:
        document = openapi.described(json.loads(shipped), SPEC)
    prefix = prefix_of(workspace)
    return Plan(
        made_from,
        description,
        about,
        template.requires,
        files,
        {"prefix": prefix, **openapi.words_of(document, prefix)},
        openapi.settings_of(document, prefix),
        {SPEC: document.text},
        document.notes,
    )


def _from_server(server: Path, name: str) -> Plan:
    from mcp_workbench.new.bringing import bring

    brought = bring(server, name)
    description = brought.description or f"{name}: an MCP server."
    return Plan(
        str(server),
        description,
        f"{description}\n\nThe chapters were made from `{server.name}`.",
        brought.requires or (FASTMCP,),
        files_of("common"),
        ready={f"notebooks/{file}": text for file, text in brought.notebooks.items()},
        notes=brought.notes,
    )


def prefix_of(name: str) -> str:
    """What the names of a workspace's environment variables begin with.

    >>> prefix_of("my-server"), prefix_of("3d.prints")
    ('MY_SERVER', 'API_3D_PRINTS')
    """
    prefix = re.sub(r"\W", "_", name).upper()
    return f"API_{prefix}" if prefix[0].isdigit() else prefix


# The files --------------------------------------------------------------------------------------------------


def files_for(name: str, plan: Plan) -> dict[str, str]:
    """All files of a workspace by their places, server.py as export writes it. What the server offers
    (LISTING) may be missing: that is asked of the server itself."""
    words = {**plan.words, **_words(name, plan)}
    files = {place: filled(place, text, words) for place, text in plan.templates.items()} | dict(plan.ready)
    cells = [
        cell
        for chapter in sorted(files)
        if chapter.endswith(".ipynb")
        for cell in notebook.code_cells(json.loads(files[chapter]), chapter.rpartition("/")[2])
    ]
    workspace = Workspace(Path(name), plan.description, plan.requires, PYTHON)
    return {**files, "server.py": made_of(cells, workspace).text}


def _words(name: str, plan: Plan) -> dict[str, str]:
    others = [item for item in plan.requires if not re.match(r"fastmcp\b(?!-)", item)]
    settings = "\n".join(f"| `{variable}` | {takes} |" for variable, takes in plan.settings.items())
    return {
        "name": name,
        "title": re.sub(r"[-_.]+", " ", name[:1].upper() + name[1:]),
        "description": json.dumps(plan.description, ensure_ascii=False),
        "about": plan.about,
        "dependencies": _lines(plan.requires),
        "requires": _lines(plan.requires),
        "with": "".join(f" --with '{item}'" for item in others),
        "settings": f"\n\n| variable | what it takes |\n|---|---|\n{settings}" if settings else "",
    }


def _lines(items: Iterable[str]) -> str:
    return "".join(f"    {json.dumps(item, ensure_ascii=False)},\n" for item in items)


# Writing ----------------------------------------------------------------------------------------------------


def _write(target: Path, files: Mapping[str, str], *, may_lack_listing: bool) -> str:
    """Write all files into a folder beside the target, and rename it; says why the listing is missing."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        for place, text in files.items():
            path = unfinished / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
        unlisted = "" if LISTING in files else _list(unfinished)
        if unlisted and not may_lack_listing:
            raise WorkbenchError(f"{target}: not made, for its server does not load: {unlisted}")
        if target.exists():
            target.rmdir()  # it was empty; if it no longer is, this fails
        unfinished.rename(target)
    except OSError as error:
        raise WorkbenchError(f"{target}: cannot be written: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return unlisted


def _list(folder: Path) -> str:
    """Have the new server say what it offers, in a process of its own; gives its last words if it cannot."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as data:
        quiet = {"PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "FASTMCP_CHECK_FOR_UPDATES": "off"}
        apart = {"XDG_DATA_HOME": data, "WIN_PD_OVERRIDE_LOCAL_APPDATA": data}
        try:
            ran = subprocess.run(
                [sys.executable, "tests/test_server.py"],
                cwd=folder,
                env={**os.environ, **quiet, **apart},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {SECONDS} seconds"
    return "" if ran.returncode == 0 else (ran.stderr.strip().splitlines() or ["it gave no reason"])[-1]
