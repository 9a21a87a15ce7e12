"""What the desk keeps, and where: memory, files, Valkey; encrypted, shared, restarted, away."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fastmcp
import pytest
import redis
from cryptography.fernet import Fernet
from fastmcp import Client, FastMCP
from fastmcp.client.auth import OAuth
from fastmcp.exceptions import ToolError
from fastmcp.server.auth import OAuthProxy
from fastmcp.server.auth.providers.jwt import StaticTokenVerifier
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from key_value.aio.stores.filetree import FileTreeStore
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitResult
from serving import (
    PATIENCE,
    ROOT,
    SERVER,
    WAYS,
    Way,
    environment,
    new_desk,
    run,
    serving_http,
    warm_python,
    warm_server,
)

from mcp_workbench.services import free_port, valkey

BOOK = "verne-vingt-mille-lieues"
UNKNOWN = "Invalid or unknown session"
TWO_WAYS = (WAYS[0], WAYS[3])  # stdio and sessionless, HTTP and handshake


def new_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture
def at_valkey(valkey_url: str) -> Iterator[redis.Redis]:
    """The Valkey that the module shares, empty, as an operator sees it."""
    with redis.Redis.from_url(valkey_url, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture(params=["files", "valkey"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings with which the desk outlives a process."""
    if request.param == "files":
        return {"STORE_URL": (tmp_path / "a folder" / "desk").as_uri(), "STORE_KEY": new_key()}
    request.getfixturevalue("at_valkey")
    return {"STORE_URL": request.getfixturevalue("valkey_url"), "STORE_KEY": new_key()}


async def told(client: Client[Any], tool: str, **arguments: Any) -> Any:
    content = (await client.call_tool(tool, arguments)).structured_content
    assert content is not None
    return content["result"]


async def session_with_a_book(client: Client[Any]) -> str:
    """The id of a new session in which a book is set aside."""
    session: str = await told(client, "create_session")
    assert await told(client, "set_aside", book_id=BOOK, session_id=session) == [BOOK]
    return session


async def set_aside(client: Client[Any], session: str) -> list[str]:
    return [book["id"] for book in await told(client, "books_set_aside", session_id=session)]


# Restarts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", TWO_WAYS, ids=str)
async def test_a_restart_loses_nothing(way: Way, kept: dict[str, str], tmp_path: Path) -> None:
    with new_desk(way, tmp_path, settings=kept) as client:
        async with client:
            session = await session_with_a_book(client)
    with new_desk(way, tmp_path, settings=kept) as client:
        async with client:
            assert await set_aside(client, session) == [BOOK]


@pytest.mark.parametrize("way", TWO_WAYS, ids=str)
async def test_memory_forgets(way: Way, tmp_path: Path) -> None:
    with new_desk(way, tmp_path) as client:
        async with client:
            session = await session_with_a_book(client)
            assert await set_aside(client, session) == [BOOK]
    with new_desk(way, tmp_path) as client:
        async with client:
            with pytest.raises(ToolError, match=UNKNOWN):
                await set_aside(client, session)


# Two processes, one Valkey ---------------------------------------------------------------------------


@pytest.mark.parametrize("era", ["auto", "legacy"])
async def test_a_session_made_in_one_process_is_used_in_the_other(
    era: Any, valkey_url: str, tmp_path: Path
) -> None:
    settings = {"STORE_URL": valkey_url, "STORE_KEY": new_key()}
    (tmp_path / "two").mkdir()
    with (
        serving_http(tmp_path, settings=settings) as here,
        serving_http(tmp_path / "two", settings=settings) as there,
    ):
        async with Client(f"{here}/mcp", mode=era) as one, Client(f"{there}/mcp", mode=era) as two:
            session = await session_with_a_book(one)
            assert await set_aside(two, session) == [BOOK]
            other = "stevenson-treasure-island"
            assert await told(two, "set_aside", book_id=other, session_id=session) == [BOOK, other]
            assert await set_aside(one, session) == [BOOK, other]


async def reserve_across(tmp_path: Path, settings: dict[str, str]) -> Any:
    """Begin to reserve a book in one process, and answer its question in another."""

    async def nobody(*question: Any) -> None:
        raise AssertionError("the question is answered by hand")

    (tmp_path / "two").mkdir()
    asked_for = {"book_id": BOOK, "patron_id": "p003"}
    with (
        serving_http(tmp_path, settings=settings) as here,
        serving_http(tmp_path / "two", settings=settings) as there,
    ):
        async with (
            Client(f"{here}/mcp", elicitation_handler=nobody) as one,
            Client(f"{there}/mcp", elicitation_handler=nobody) as two,
        ):
            question = await one.session.call_tool("reserve", asked_for, allow_input_required=True)
            assert question.result_type == "input_required"
            leith = ElicitResult(action="accept", content={"value": "Leith"})
            return await two.session.call_tool(
                "reserve",
                asked_for,
                input_responses=dict.fromkeys(question.input_requests, leith),
                request_state=question.request_state,
            )


async def test_a_question_is_asked_by_one_process_and_answered_at_the_other(
    valkey_url: str, tmp_path: Path
) -> None:
    settings = {"STORE_URL": valkey_url, "STORE_KEY": new_key()}
    answer = await reserve_across(tmp_path, settings)
    assert not answer.is_error
    assert answer.structured_content == {"book_id": BOOK, "patron_id": "p003", "collect_at": "Leith"}


async def test_without_a_key_a_question_stays_with_its_process(tmp_path: Path) -> None:
    with pytest.raises(MCPError, match="requestState"):
        await reserve_across(tmp_path, {})


# What others see, and what they can do ---------------------------------------------------------------


async def traces(tmp_path: Path, settings: dict[str, str]) -> list[str]:
    """Let the desk keep what it keeps, and give the words that nobody else should read."""
    with new_desk(WAYS[2], tmp_path, settings=settings) as client:
        async with client:
            session = await session_with_a_book(client)
            chart = await client.call_tool("chart_decades", {"language": "French"})
    return [session, BOOK, "set aside", "chart_decades", chart.content[0].text]


async def test_nothing_readable_is_in_valkey(valkey_url: str, at_valkey: redis.Redis, tmp_path: Path) -> None:
    key = new_key()
    secrets = await traces(tmp_path, {"STORE_URL": valkey_url, "STORE_KEY": key})
    stored = {name: at_valkey.get(name) for name in at_valkey.keys("library-desk__*")}
    assert len(stored) >= 2  # a session and an answer
    for word in [*secrets, key]:
        assert word not in str(stored)
    others = [name for name in at_valkey.keys("*") if name not in stored]
    assert all(name.startswith("library-desk:") for name in others)  # the counts of the rate limit
    assert all(at_valkey.ttl(name) > 0 for name in stored)  # and all of it ends


async def test_nothing_readable_is_on_disk(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    key = new_key()
    secrets = await traces(tmp_path, {"STORE_URL": folder.as_uri(), "STORE_KEY": key})
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len(files) >= 2
    for word in [*secrets, key]:
        assert not [file for file in files if word in file.name or word in file.read_text()]


async def test_an_entry_in_the_clear_is_not_believed(
    valkey_url: str, at_valkey: redis.Redis, tmp_path: Path
) -> None:
    key = new_key()
    with new_desk(WAYS[2], tmp_path, settings={"STORE_URL": valkey_url, "STORE_KEY": key}) as client:
        async with client:
            session = await session_with_a_book(client)
            (name,) = at_valkey.keys("library-desk__*")
            entry = json.loads(at_valkey.get(name))
            sealed = entry["value"]["__encrypted_data__"]
            entry["value"] = json.loads(Fernet(key).decrypt(base64.b64decode(sealed)))
            assert BOOK in str(entry["value"])
            at_valkey.set(name, json.dumps(entry))  # the very same content, unencrypted
            with pytest.raises(ToolError, match=UNKNOWN):
                await set_aside(client, session)


async def test_keys_are_changed_without_loss_and_a_wrong_one_loses(
    kept: dict[str, str], tmp_path: Path
) -> None:
    old, new = kept["STORE_KEY"], new_key()
    with new_desk(WAYS[0], tmp_path, settings=kept) as client:
        async with client:
            session = await session_with_a_book(client)
    with new_desk(WAYS[0], tmp_path, settings={**kept, "STORE_KEY": new}) as client:
        async with client:
            with pytest.raises(ToolError, match=UNKNOWN):
                await set_aside(client, session)
    with new_desk(WAYS[0], tmp_path, settings={**kept, "STORE_KEY": f"{new}, {old}\n"}) as client:
        async with client:
            assert await set_aside(client, session) == [BOOK]


STORE_ALONE = """
import anyio, server, sys
async def main():
    if len(sys.argv) > 1:
        await server.store.put(key="client", value={"name": sys.argv[1]}, collection="registrations")
    print(await server.store.get(key="client", collection="registrations"))
anyio.run(main)
"""


def test_what_no_key_opens_is_a_miss_and_no_error(tmp_path: Path) -> None:
    """The store that OAuth uses has no fallback: people log in again, instead of meeting an error."""
    settings = {"STORE_URL": (tmp_path / "kept").as_uri(), "PYTHONPATH": str(ROOT)}
    alone = [*warm_python(), "-c", STORE_ALONE]
    old, new = new_key(), new_key()
    kept = run([*alone, "a host"], tmp_path, {**settings, "STORE_KEY": old})
    assert (kept.stdout, kept.stderr) == ("{'name': 'a host'}\n", "")
    lost = run(alone, tmp_path, {**settings, "STORE_KEY": new})
    assert (lost.stdout, lost.stderr) == ("None\n", "")
    found = run(alone, tmp_path, {**settings, "STORE_KEY": f"{new},{old}"})
    assert (found.stdout, found.stderr) == ("{'name': 'a host'}\n", "")


# Away ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_a_valkey_that_is_away_does_not_hide_the_desk(way: Way, tmp_path: Path) -> None:
    settings = {"STORE_URL": f"redis://127.0.0.1:{free_port()}", "STORE_KEY": new_key()}
    with new_desk(way, tmp_path, settings=settings) as client:
        async with client:
            assert "find_books" in {tool.name for tool in await client.list_tools()}
            assert await client.read_resource("info://desk")


@pytest.mark.parametrize("way", TWO_WAYS, ids=str)
async def test_tools_that_keep_nothing_work_while_valkey_is_away(way: Way, tmp_path: Path) -> None:
    settings = {"STORE_URL": f"redis://127.0.0.1:{free_port()}", "STORE_KEY": new_key()}
    with new_desk(way, tmp_path, settings=settings) as client:
        async with client:
            for _ in range(2):
                assert "10:00" in await told(client, "opening_hours", branch="Leith")
            with pytest.raises(ToolError) as refused:
                await client.call_tool("create_session")
            assert "127.0.0.1" not in str(refused.value)


async def test_a_password_may_hold_any_character(tmp_path: Path) -> None:
    password = "p@ss/w:rd?#%41[é"
    with valkey() as url:
        with redis.Redis.from_url(url) as operator:
            operator.config_set("requirepass", password)
        with_password = url.replace("redis://", f"redis://:{quote(password, safe='')}@")
        settings = {"STORE_URL": with_password, "STORE_KEY": new_key()}
        with new_desk(WAYS[0], tmp_path, settings=settings) as client:
            async with client:
                assert await set_aside(client, await session_with_a_book(client)) == [BOOK]


# Settings --------------------------------------------------------------------------------------------

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
SECRET = "hunter2"

LOAD = """
import contextlib, io, json, os, runpy, sys
ended = []
for settings in json.load(sys.stdin):
    for name in ("STORE_URL", "STORE_KEY", "REDIS_URL"):
        os.environ.pop(name, None)
    os.environ.update(settings)
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(sys.argv[1], run_name="server")
        except SystemExit as end:
            code = end.code
    ended.append([code, out.getvalue(), err.getvalue()])
json.dump(ended, sys.stdout)
"""


def loaded(home: Path, *settings: dict[str, str]) -> list[tuple[int, str, str]]:
    """Load server.py with each of these settings, all in one process: code, stdout and stderr."""
    ended = subprocess.run(
        [*warm_python(), "-c", LOAD, str(SERVER)],
        input=json.dumps(settings),
        capture_output=True,
        check=True,
        encoding="utf-8",
        cwd=home,
        env=environment(home),
        timeout=4 * PATIENCE,
    )
    return [tuple(result) for result in json.loads(ended.stdout)]


BAD_VALUES = [
    ("STORE_URL", "memory", "'memory'"),
    ("STORE_URL", "redis", "'redis'"),
    ("STORE_URL", "memory://x", "'memory://...'"),
    ("STORE_URL", "file://desk", "'file://...'"),
    ("STORE_URL", "file:///", "'file://...'"),
    ("STORE_URL", "file:///dev/null/desk", "'file://...'"),
    ("STORE_URL", f"mysql://desk:{SECRET}@db/keys", "'mysql://...'"),
    ("STORE_URL", f"redis://:{SECRET}", "'redis://...'"),
    ("STORE_URL", f"redis://:{SECRET}@", "'redis://...'"),
    ("STORE_URL", f"redis://:p@ss/{SECRET}@host:port", "'redis://...'"),
    ("STORE_URL", f"redis://host/{SECRET}", "'redis://...'"),
    ("STORE_URL", f"redis://host:99999?password={SECRET}", "'redis://...'"),
    ("STORE_URL", "redis://host:0", "'redis://...'"),
    ("STORE_URL", f"redis://[::1:{SECRET}@6379", "'redis://...'"),
    ("STORE_URL", f"redis:{SECRET}@host", "18 characters"),
    ("STORE_URL", f"//:{SECRET}@host", "15 characters"),
    ("STORE_URL", f"{SECRET}\nSTORE_KEY: fine", "23 characters"),
    ("STORE_URL", f"{SECRET}@x://host", "16 characters"),
    ("STORE_URL", KEY, "44 characters"),
    ("REDIS_URL", f"http://:{SECRET}@host", "'http://...'"),
    ("STORE_KEY", SECRET, "7 characters"),
    ("STORE_KEY", ",", "1 characters"),
    ("STORE_KEY", f"{KEY},", "45 characters"),
    ("STORE_KEY", f"{KEY}\n{KEY}", "89 characters"),
    ("STORE_KEY", f"{KEY},{SECRET}", "52 characters"),
    ("STORE_KEY", "schlüssel", "9 characters"),
    ("STORE_KEY", "", "nothing"),
    ("STORE_KEY", "  ", "nothing"),
]


def test_a_bad_value_is_one_line_without_a_secret(tmp_path: Path) -> None:
    folder = (tmp_path / "kept").as_uri()
    settings = [
        {"STORE_URL": folder if name == "STORE_KEY" else "", "STORE_KEY": KEY, name: value}
        for name, value, _ in BAD_VALUES
    ]
    for (name, value, got), ended in zip(BAD_VALUES, loaded(tmp_path, *settings), strict=True):
        code, out, err = ended
        assert (code, out) == (2, ""), (name, value)
        assert err.startswith(f"{name}: got {got}; it takes "), (name, value)
        assert err.endswith(".\n"), (name, value)
        assert err.count("\n") == 1, (name, value)
        assert SECRET not in err, (name, value)
        assert KEY not in err, (name, value)


def test_a_bad_value_ends_the_program(tmp_path: Path) -> None:
    ended = run(warm_server(), tmp_path, {"STORE_URL": f"mysql://desk:{SECRET}@db/keys"})
    takes = "it takes memory://, file:///FOLDER or redis://HOST:PORT."
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"STORE_URL: got 'mysql://...'; {takes}\n"


def test_what_may_be_set(tmp_path: Path) -> None:
    settings = [
        {},
        {"STORE_URL": "", "STORE_KEY": "", "REDIS_URL": ""},
        {"STORE_URL": "memory://\n"},
        {"STORE_URL": "memory://", "STORE_KEY": KEY, "REDIS_URL": "nonsense"},
        {"STORE_URL": "redis://[::1]:6379/0", "STORE_KEY": f" {KEY} , {new_key()}\r\n"},
        {"REDIS_URL": "rediss://user:p%40ss@cache.example:6380/2?ssl_cert_reqs=none", "STORE_KEY": KEY},
    ]
    for given, ended in zip(settings, loaded(tmp_path, *settings), strict=True):
        assert ended == (0, "", ""), given


def test_a_folder_may_have_any_name_and_a_drive(tmp_path: Path) -> None:
    folder = tmp_path / "ein Ordner # 100%"
    assert loaded(tmp_path, {"STORE_URL": folder.as_uri(), "STORE_KEY": KEY}) == [(0, "", "")]
    assert folder.is_dir()
    windows = (
        "import nturl2path, server; server.url2pathname = nturl2path.url2pathname;"
        "print(server.folder_at('file:///C:/the%20desk'))"
    )
    ended = run([sys.executable, "-W", "ignore", "-c", windows], tmp_path, {"PYTHONPATH": str(ROOT)})
    assert ended.stdout == "C:\\the desk\n"


# What FastMCP and py-key-value do by default ---------------------------------------------------------


def test_what_fastmcp_keeps_where_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chapter 05's table. The names with an underscore are FastMCP's own, and may move."""
    monkeypatch.setattr(fastmcp.settings, "home", tmp_path)
    assert type(FastMCP("lab")._state_store._key_value) is MemoryStore
    assert type(ResponseCachingMiddleware()._backend) is MemoryStore
    with pytest.warns(UserWarning, match="in-memory token storage"):
        OAuth("http://127.0.0.1/mcp")
    proxy = OAuthProxy(
        upstream_authorization_endpoint="https://issuer.example/authorize",
        upstream_token_endpoint="https://issuer.example/token",
        upstream_client_id="desk",
        jwt_signing_key="k" * 32,
        token_verifier=StaticTokenVerifier(tokens={}),
        base_url="http://127.0.0.1",
    )
    assert type(proxy._client_storage) is FernetEncryptionWrapper
    assert type(proxy._client_storage.key_value) is FileTreeStore
    assert len(list((tmp_path / "oauth-proxy").iterdir())) == 1


@pytest.mark.parametrize(
    "store",
    [
        "DynamoDB",
        "S3",
        "PostgreSQL",
        "MongoDB",
        "DuckDB",
        "Elasticsearch",
        "OpenSearch",
        "Memcached",
        "RocksDB",
        "Vault",
        "Keyring",
    ],
)
def test_the_other_stores_have_these_names(store: str) -> None:
    package = find_spec(f"key_value.aio.stores.{store.lower()}")
    assert package is not None
    assert package.origin is not None
    assert f"class {store}Store(" in Path(package.origin).with_name("store.py").read_text()


@pytest.mark.parametrize("wrapper", ["retry", "timeout", "read_only", "statistics", "limit_size"])
def test_the_other_wrappers_have_these_names(wrapper: str) -> None:
    assert find_spec(f"key_value.aio.wrappers.{wrapper}") is not None
