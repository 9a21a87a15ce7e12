"""check --import: real servers are loaded in a process of their own, and what that shows is reported."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import MakeWorkspace
from serving import warm_python

from mcp_workbench.cli import main
from mcp_workbench.findings import Finding, Place
from mcp_workbench.forking import popen
from mcp_workbench.rules import imported
from mcp_workbench.rules.checking import asked
from mcp_workbench.rules.imported import Loaded, loaded

HEAD = 'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n\n\n'  # 5 lines
TOOL = '@mcp.tool\ndef search(words: str) -> list[str]:\n    """Find books."""\n    return [words]\n\n\n'
CALM = HEAD + TOOL  # 11 lines
LOGIN = """\
from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy, StaticTokenVerifier
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.prefix_keys import PrefixKeysWrapper

settings = {given}
login = OAuthProxy(
    upstream_authorization_endpoint="https://login.example.org/authorize",
    upstream_token_endpoint="https://login.example.org/token",
    upstream_client_id="desk",
    upstream_client_secret="from-the-environment",
    token_verifier=StaticTokenVerifier(tokens={{}}),
    base_url="{base}",
    **settings,
)
mcp = FastMCP("desk", auth=login)
"""
STORE = 'dict(client_storage=PrefixKeysWrapper(MemoryStore(), "desk"), require_authorization_consent=False)'


ANEW = (
    "test_a_fork_reports_nothing_and_is_ended",
    "test_without_fastmcp",
    "test_the_child_needs_no_workbench",
)


@pytest.fixture(autouse=True)
def in_forks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are loaded in forks of a process that has FastMCP; where that matters, anew."""
    if request.node.name not in ANEW:
        monkeypatch.setattr(subprocess, "Popen", popen(warm_python()))


def load(*paths: Path, found: tuple[Finding, ...] = ()) -> Loaded:
    return loaded(paths, asked([], []), found)


@dataclass(frozen=True)
class Case:
    """A project, what is to be found in it, by code, file, line and text, and the lines besides."""

    server: str
    found: list[tuple[str, str, int, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def shown(result: Loaded, folder: Path) -> list[tuple[str, str, int, str]]:
    return [
        (f.code, Path(f.place.chapter).relative_to(folder).as_posix(), f.place.line, f.what)
        for f in result.findings
    ]


def write(folder: Path, case: Case) -> None:
    for name, text in {"server.py": case.server, **case.files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def verify(case: Case, folder: Path, result: Loaded) -> None:
    seen = shown(result, folder)
    assert [item[:3] for item in seen] == [item[:3] for item in case.found], (seen, result.lines)
    for (*_, what), (*_, pattern) in zip(seen, case.found, strict=True):
        assert re.search(pattern, what), (what, pattern)
    assert len(result.lines) == len(case.lines), result.lines
    for line, pattern in zip(result.lines, case.lines, strict=True):
        assert re.search(pattern, line), (line, pattern)
    for finding in result.findings:
        assert finding.why
        assert finding.do
        assert not finding.what.endswith(".")


LOADING = {
    "starts": Case(CALM + "mcp.run()\n", [("MCP007", "server.py", 12, "starts the server")]),
    "starts-in-thread": Case(
        CALM + "import threading\n\nthreading.Thread(target=lambda: mcp.run()).start()\n",
        [("MCP007", "server.py", 14, "starts the server")],
    ),
    "starts-with-uvicorn": Case(
        CALM + "import uvicorn\n\nuvicorn.run(mcp.http_app())\n",
        [("MCP007", "server.py", 14, "import fails")],
    ),
    "prints": Case(
        "import helper\n" + CALM,
        [("MCP007", "helper.py", 1, "prints to stdout")],
        files={"helper.py": 'print("Loaded the settings")\n'},
    ),
    "prints-ten-megabytes-below-python": Case(
        "import os\n" + CALM + 'for _ in range(10):\n    os.write(1, b"x" * 1_000_000)\n',
        [("MCP007", "server.py", 1, "prints to stdout")],
    ),
    "connects": Case(
        "import socket\n"
        + CALM
        + "try:\n    socket.create_connection(('127.0.0.1', 9))\nexcept OSError:\n    pass\n",
        [("MCP015", "server.py", 14, "opens a connection to port 9$")],
    ),
    "connects-and-fails": Case(
        "import socket\n" + CALM + "socket.create_connection(('127.0.0.1', 9))\n",
        [("MCP015", "server.py", 13, "opens a connection to port 9, and fails")],
    ),
    "runs-a-loop": Case(
        "import asyncio\n"
        + CALM
        + "async def connect() -> int:\n    return 1\n\n\npool = asyncio.run(connect())\n",
        [("MCP015", "server.py", 17, r"asyncio.run\(\) cannot be called from a running event loop")],
    ),
    "cycle": Case(
        "from fastmcp import FastMCP\n\nfrom shelves import SHELVES\n\nmcp = FastMCP(SHELVES)\n",
        [("MCP013", "books.py", 1, "partially initialized module 'shelves'")],
        files={"shelves.py": "import books\n\nSHELVES = 'a'\n", "books.py": "from shelves import SHELVES\n"},
    ),
    "missing-module": Case(
        "import no_such_library\n" + CALM, [("MCP008", "server.py", 1, "No module named 'no_such_library'")]
    ),
    "schema": Case(
        HEAD + "class Book:\n    pass\n\n\n@mcp.tool\ndef lend(book: Book) -> str:\n    return ''\n",
        [("MCP011", "server.py", 10, "PydanticSchemaGenerationError")],
    ),
    "template": Case(
        HEAD + '@mcp.resource("book://{isbn}")\ndef book(number: str) -> str:\n    return number\n',
        [("MCP005", "server.py", 6, "number")],
    ),
    "another-exception": Case(
        CALM + "limit = 1 / 0\n",
        [("MCP008", "server.py", 12, "import fails: ZeroDivisionError: division by zero")],
    ),
    "double-load": Case(
        'from fastmcp import FastMCP\n\nmcp = FastMCP("desk")\n\nimport tools\n\n'
        'if __name__ == "__main__":\n    mcp.run()\n',
        [
            (
                "MCP013",
                "tools.py",
                1,
                "run a second time when it is imported as `server`, and tool `lend` is on",
            )
        ],
        files={"tools.py": "from server import mcp\n\n\n@mcp.tool\ndef lend() -> str:\n    return ''\n"},
    ),
    "double-load-of-a-package": Case(
        "",
        [("MCP013", "desk/tools.py", 1, "imported as `desk.server`")],
        files={
            "desk/__init__.py": "",
            "desk/server.py": f'{HEAD}from . import tools\n\nif __name__ == "__main__":\n    mcp.run()\n',
            "desk/tools.py": "from .server import mcp\n\n\n@mcp.tool\ndef lend() -> str:\n    return ''\n",
        },
    ),
    "ends-itself": Case(
        "import os\n" + CALM + "os._exit(7)\n",
        lines=[r"server.py:13:1: .*ends the process, with exit code 7"],
    ),
    "exits": Case("import sys\n" + CALM + "sys.exit(2)\n", lines=[r"server.py:13:1: .*exit code 2"]),
    "crashes": Case(
        "import os, signal\n" + CALM + "os.kill(os.getpid(), signal.SIGTERM)\n",
        lines=[r"server.py: .*ended the process, with exit code -?\d+"],
    ),
    "needs-a-variable": Case(
        "import os\n" + CALM + 'key = os.environ["DESK_NO_SUCH_KEY"]\n',
        lines=[r"server.py:13:1: .*needs the environment variable DESK_NO_SUCH_KEY"],
    ),
    "refuses": Case(
        CALM + 'raise RuntimeError("DESK_TOKEN is not set")\n',
        lines=[r"server.py:12:1: .*refuses to load: RuntimeError: DESK_TOKEN is not set"],
    ),
    "refuses-with-words": Case(
        "import sys\n" + CALM + 'sys.exit("set DESK_URL")\n', lines=["with exit code 1: set DESK_URL"]
    ),
    "lacks-a-setting": Case(
        'import os\n\nURL = os.getenv("DESK_NO_SUCH_URL", "")\n'
        + CALM
        + "from pydantic import AnyUrl\n\nAnyUrl(URL)\n",
        lines=["server.py:17:1: .*refuses to load: ValidationError: .*Input should be a valid URL"],
    ),
    "not-installed-here": Case(
        "import no_such_library\n" + CALM,
        lines=["it needs no_such_library, which is not installed here"],
        files={"pyproject.toml": '[project]\ndependencies = ["no-such-library>=2"]\n'},
    ),
    "asks-stdin": Case(CALM + "name = input()\n", [("MCP007", "server.py", 12, "EOFError")]),
}


@pytest.mark.parametrize("name", LOADING)
def test_what_loading_does(name: str, tmp_path: Path) -> None:
    if name == "crashes" and sys.platform == "win32":
        pytest.skip("a signal ends a process in another way there")
    case = LOADING[name]
    write(tmp_path, case)
    if not case.server:
        (tmp_path / "server.py").unlink()
    verify(case, tmp_path, load(tmp_path))


LOOKS = Case(
    """\
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware
from fastmcp.server.middleware.rate_limiting import RateLimitingMiddleware
from fastmcp.tools import ToolResult
from fastmcp.utilities.types import Image
from mcp.types import Icon, TextContent
from pydantic import BaseModel, BeforeValidator

ICON = "shelf.png"
mcp = FastMCP("desk", icons=[Icon(src=ICON)])
branch = FastMCP("branch")
mcp.mount(branch, namespace="branch")
mcp.add_middleware(ResponseCachingMiddleware())
mcp.add_middleware(RateLimitingMiddleware())


class Book:
    pass


class Loan(BaseModel):
    isbn: str


@mcp.tool
def search(words: str, filters: dict = None, loan: Loan = None, context=None) -> dict[str, str]:
    return {}


@branch.tool(
    icons=[Icon(src="data:image/png;base64,not base64")],
)
async def shelf(
    ctx,
    number: int,
) -> list[Book] | None:
    return None


@mcp.prompt
def ask(ctx) -> str:
    return ""


# All of these are fine.
@mcp.tool(output_schema=None)
def plain() -> Book:
    return Book()


@mcp.tool(
    icons=[
        Icon(src="data:image/png;base64,aGk="),
        Icon(src="https://example.org/a.svg"),
        Icon(src="data:image/svg+xml,%3Csvg/%3E"),
    ]
)
def picture(context: str, ctx: Context = None) -> Image:
    return Image(data=b"")


@mcp.tool
def anything(a: Any = None, b: int | None = None, c: "str | None" = None, d=None) -> Any:
    return a


@mcp.tool
def nothing(e: Annotated[list[str], BeforeValidator(lambda given: given or [])] = None) -> None:
    return None


@mcp.tool
def content(loan: Loan | None = None) -> ToolResult | TextContent | list[Image | str]:
    return ToolResult()


@mcp.resource("shelf://{context}")
def place(context) -> str:
    return context
""",
    [
        ("MCP024", "server.py", 12, "the icon 'shelf.png' of the server is neither"),
        ("MCP018", "server.py", 16, "ResponseCachingMiddleware is added before RateLimitingMiddleware"),
        ("MCP003", "server.py", 29, "`context` has no annotation, so that tool `search`"),
        ("MCP006", "server.py", 29, "tool `search` offers null as the default of `filters`"),
        ("MCP006", "server.py", 29, "default of `loan`"),
        ("MCP024", "server.py", 34, r"of tool `shelf` is not valid base64"),
        ("MCP003", "server.py", 37, "`ctx` has no annotation, so that tool `shelf`"),
        ("MCP011", "server.py", 39, "tool `shelf` has no output schema, for none can be made of Book"),
        ("MCP003", "server.py", 44, "prompt `ask`"),
    ],
)


def test_the_live_server_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, LOOKS)
    result = load(tmp_path)
    verify(LOOKS, tmp_path, result)
    context = next(f for f in result.findings if "`context`" in f.what).place
    assert context.source[context.column : context.end_column] == "context"


def test_errors_are_handled_before_what_rejects(tmp_path: Path) -> None:
    imports = (
        "from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware as Errors\n"
        "from fastmcp.server.middleware.rate_limiting import RateLimitingMiddleware as Limits\n"
        "from fastmcp.server.middleware.timing import TimingMiddleware as Timing\n"
    )
    late = Case(
        f"{imports}{HEAD}for kind in (Timing, Limits, Errors):\n    mcp.add_middleware(kind())\n",
        [("MCP018", "server.py", 6, "ErrorHandlingMiddleware is added after RateLimitingMiddleware")],
    )
    write(tmp_path, late)
    verify(late, tmp_path, load(tmp_path))
    write(
        tmp_path,
        Case(f"{imports}{HEAD}for kind in (Timing, Errors, Limits):\n    mcp.add_middleware(kind())\n"),
    )
    assert load(tmp_path) == Loaded((), ())


def test_a_login_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTMCP_HOME", str(tmp_path / "home"))
    case = Case(
        LOGIN.format(given=STORE, base="https://desk.example.org"),
        [
            ("MCP016", "server.py", 7, "OAuthProxy keeps its clients and tokens in memory"),
            ("MCP022", "server.py", 7, "without asking them"),
        ],
        files={
            "keys.py": LOGIN.format(given='dict(jwt_signing_key="short")', base="https://desk.example.org"),
            "local.py": LOGIN.format(given=STORE, base="http://localhost:8000"),  # serves this machine only
            "good.py": LOGIN.format(given="{}", base="https://desk.example.org"),
        },
    )
    case.found.insert(0, ("MCP023", "keys.py", 7, "less than 12 characters"))
    write(tmp_path, case)
    verify(case, tmp_path, load(tmp_path))


def test_a_name_that_is_not_found_is_told_of_the_file_that_was_named(tmp_path: Path) -> None:
    tail = 'desk = FastMCP("desk")\n'
    write(tmp_path, Case(f"from fastmcp import FastMCP\n\n{tail}"))
    named = Case("", [("MCP001", "server.py", 3, "the server here is called `desk`")])
    verify(named, tmp_path, load(tmp_path / "server.py"))
    assert load(tmp_path) == Loaded((), ())  # it may be a part of something
    (tmp_path / "fastmcp.json").write_text('{"source": {"path": "server.py", "entrypoint": "desk"}}')
    assert load(tmp_path / "server.py") == Loaded((), ())


def test_a_server_that_only_a_function_makes(tmp_path: Path) -> None:
    made = "def create(name: str = 'desk') -> FastMCP:\n    return FastMCP(name)\n"
    write(tmp_path, Case(f"from fastmcp import FastMCP\n\n\n{made}"))
    named = Case("", [("MCP001", "server.py", 4, "no server by the name mcp, server or app")])
    result = load(tmp_path / "server.py")
    verify(named, tmp_path, result)
    assert "mcp = create()" in result.findings[0].do
    (tmp_path / "server.py").write_text("X = 1\n")
    result = load(tmp_path / "server.py")
    assert not result.findings
    assert "no server is made in it" in result.lines[0]


def test_what_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported, "SECONDS", 10)
    thread = (
        "import threading\n\nwait = threading.Event().wait\nthreading.Thread(target=wait).start()\nwait()\n"
    )
    case = Case(
        CALM + "import time\n\ntime.sleep(1000)\n",
        [
            ("MCP007", "server.py", 14, "does not end: after 10 seconds it still stands here"),
            ("MCP007", "thread.py", 16, "it still stands here"),
        ],
        files={"thread.py": CALM + thread},
    )
    write(tmp_path, case)
    verify(case, tmp_path, load(tmp_path))


def test_a_thread_that_goes_on_does_not_hold_the_check(tmp_path: Path) -> None:
    write(
        tmp_path,
        Case("import threading, time\n" + CALM + "threading.Thread(target=time.sleep, args=(99,)).start()\n"),
    )
    start = time.monotonic()
    assert load(tmp_path) == Loaded((), ())
    assert time.monotonic() - start < 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_reports_nothing_and_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    forks = (
        "import os, time\n\nif os.fork() == 0:\n    print('y')\n"
        f"    while True:\n        open({str(mark)!r}, 'a').write('x')\n        time.sleep(0.02)\n"
        "time.sleep(0.5)\n\nprint('x')\n"
    )
    case = Case(CALM + forks, [("MCP007", "server.py", 21, "prints to stdout")])
    write(tmp_path, case)
    verify(case, tmp_path, load(tmp_path))
    size = mark.stat().st_size
    time.sleep(0.3)
    assert mark.stat().st_size == size > 0


def test_a_listening_socket(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = f"import socket\n{CALM}held = socket.create_server(('127.0.0.1', {port}))\n"
    free_one = "with socket.socket() as s:\n    s.bind(('127.0.0.1', 0))\n"
    case = Case(text + free_one, [("MCP015", "server.py", 13, f"listens on port {port}")])
    write(tmp_path, case)
    verify(case, tmp_path, load(tmp_path))


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_TOKEN", "tok-93bca1e7")
    monkeypatch.setenv("DESK_DATABASE", "postgresql://desk:pw7@db.example.org/desk")
    text = (
        "import os\nfrom urllib.parse import urlsplit\nfrom pydantic import TypeAdapter\n"
        + CALM
        + "token = os.environ['DESK_TOKEN']\npassword = urlsplit(os.environ['DESK_DATABASE']).password\n"
    )
    for tail in (
        "int(token)",
        "raise RuntimeError('refused: ' + token + password)",
        "TypeAdapter(int).validate_python(password + '.')",
        "print(token)",
    ):
        write(tmp_path, Case(f"{text}{tail}\n"))
        result = load(tmp_path)
        told = "\n".join([*map(str, result.findings), *result.lines])
        assert told
        assert "tok-93bca1e7" not in told
        assert "pw7" not in told
    write(tmp_path, Case(f"{text}getattr(mcp, token)\n"))
    assert "no attribute '<DESK_TOKEN>'" in load(tmp_path).findings[0].what


def test_printing_is_fine_over_http(tmp_path: Path) -> None:
    tail = 'print("here")\n\nif __name__ == "__main__":\n    mcp.run(transport="http")\n'
    write(tmp_path, Case(CALM + tail))
    assert load(tmp_path) == Loaded((), ())


def test_a_script_that_tries_its_server_is_no_server(tmp_path: Path) -> None:
    tail = (
        "import asyncio\n\nfrom fastmcp import Client\n\n\nasync def main() -> None:\n"
        "    async with Client(mcp) as client:\n        await client.ping()\n\n\n"
        "print('x')\nasyncio.run(main())\n"
    )
    write(tmp_path, Case(CALM + tail))
    assert load(tmp_path) == Loaded((), ())
    assert "it is a script" in load(tmp_path / "server.py").lines[0]


def test_a_part_of_a_package_is_loaded_as_such(tmp_path: Path) -> None:
    files = {
        "src/desk/__init__.py": "",
        "src/desk/server.py": f"from . import words\nfrom desk.words import WORD\n{CALM}",
        "src/desk/words.py": "WORD = 'a'\n",
        "src/desk/tools.py": "from .server import mcp\n\n\n@mcp.tool\ndef lend() -> str:\n    return ''\n",
        "src/desk/all.py": 'from fastmcp import FastMCP\n\nfrom . import tools\n\nmcp = FastMCP("all")\n',
        "tests/test_desk.py": "import not_installed_here\n" + CALM,
        "notes.py": "raise SystemExit('no server')\n",
    }
    write(tmp_path, Case(CALM, files=files))
    assert load(tmp_path) == Loaded((), ())


def test_a_sane_server_has_no_finding_and_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    lifespan = (
        "from contextlib import asynccontextmanager\n\nfrom fastmcp import FastMCP\nimport helper\n\n\n"
        "@asynccontextmanager\nasync def lifespan(server):\n"
        "    open('entered', 'w').close()\n    yield {}\n\n\n"
        'mcp = FastMCP("desk", lifespan=lifespan)\n'
    )
    write(
        tmp_path,
        Case(f'{lifespan}if __name__ == "__main__":\n    mcp.run()\n', files={"helper.py": "X = 1\n"}),
    )
    assert load(tmp_path / "server.py") == Loaded((), ())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["helper.py", "server.py"]


def test_nothing_is_said_twice(tmp_path: Path) -> None:
    bad = HEAD + '@mcp.resource("config")\ndef config() -> str:\n    return ""\n'
    write(tmp_path, Case(bad))
    alone = load(tmp_path)
    assert [finding.code for finding in alone.findings] == ["MCP004"]
    static = Finding("MCP004", Place(str(tmp_path / "server.py"), line=6), "", "", "")
    assert load(tmp_path, found=(static,)) == Loaded((), ())
    write(tmp_path, LOOKS)
    everything = load(tmp_path)
    assert load(tmp_path, found=everything.findings) == Loaded((), ())


def test_noqa_and_ignore(tmp_path: Path) -> None:
    write(tmp_path, Case(CALM + 'print("x")  # noqa: MCP007\n'))
    assert load(tmp_path) == Loaded((), ())


def test_a_workspace_is_loaded_as_exported(make_workspace: MakeWorkspace) -> None:
    folder = make_workspace(
        first=['#| export\nimport sys\n\nfrom fastmcp import FastMCP\n\nmcp = FastMCP("Small")'],
        tools=[
            "# Tools",
            "1 + 1",
            (
                "lend",
                "#| export\nfrom typing import Any\n\n\n@mcp.tool\ndef lend(ctx) -> str:\n    return ''",
            ),
            ("say", '#| export\nsys.stdout.write("hello")'),
        ],
    )
    result = load(folder)
    places = [(f.code, Path(f.place.chapter).name, f.place.cell_id, f.place.line) for f in result.findings]
    assert places == [("MCP003", "01_tools.ipynb", "lend", 6), ("MCP007", "01_tools.ipynb", "say", 2)]
    assert result.findings[0].place.source == "def lend(ctx) -> str:"
    assert not (folder / "server.py").exists()


def test_the_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    noise = 'import sys\nprint("NOISE")\nprint("NOISE", file=sys.stderr)\n'
    write(tmp_path, Case(CALM + noise))
    assert main(["check", "--import", "--format", "json"]) == 1
    printed = capfd.readouterr()
    found = json.loads(printed.out)
    assert [(item["code"], item["location"]["row"]) for item in found] == [("MCP007", 13)]
    assert "NOISE" not in json.dumps([item["message"] for item in found]) + printed.err
    write(tmp_path, Case(CALM + "raise SystemExit(3)\n"))
    assert main(["check", "--import"]) == 2
    printed = capfd.readouterr()
    assert "server.py:12:1: not looked at: loading it ends the process, with exit code 3" in printed.err
    assert main(["check"]) == 0


@pytest.fixture
def without_fastmcp(tmp_path: Path) -> Path:
    folder = tmp_path / "broken" / "fastmcp"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('no FastMCP here')\n")
    return folder.parent


def test_without_fastmcp(without_fastmcp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(without_fastmcp))
    write(tmp_path, Case(CALM))
    result = load(tmp_path / "server.py")
    assert not result.findings
    assert "FastMCP cannot be imported here: ImportError: no FastMCP here" in result.lines[0]


def test_the_child_needs_no_workbench() -> None:
    """The server's Python may not have it."""
    code = f"import runpy, sys; runpy.run_path({str(imported.CHILD)!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name.startswith(("mcp_workbench", "fastmcp"))]
