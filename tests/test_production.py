"""server.py in production: its settings, its neighbours, its errors, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
import redis
from cryptography.fernet import Fernet
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp.shared.exceptions import MCPError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from serving import DATA, SERVER, WAYS, Way, new_desk, rows, run, serving_http, warm_python, warm_server
from test_apis import EYRE, SUGGEST, TOKEN, Office, is_open, told_of

from mcp_workbench.services import valkey

STDIO, HTTP = WAYS[0], WAYS[2]
SECRET = "hunter2-that-nobody-may-read"  # not-a-secret
BOOK = rows("books")[0]["id"]

# Settings ---------------------------------------------------------------------------------------------


def named(stderr: str) -> list[str]:
    """The variables that the lines on stderr name; each line is in the form that the README promises."""
    lines = stderr.splitlines()
    assert all(re.fullmatch(r"\w+: got .+; it takes .+\.", line) for line in lines), stderr
    return [line.partition(":")[0] for line in lines]


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "names"),
        [
            (
                {
                    "STORE_URL": "ftp://x",
                    "RATE_LIMIT": "often",
                    "DATABASE_URL": "mysql://x/y",
                    "PARTNER_URL": "x",
                },
                ["DATABASE_URL", "STORE_URL", "RATE_LIMIT", "PARTNER_URL"],
            ),
            ({"STORE_URL": "redis://x", "ACQUISITIONS_URL": "http://x"}, ["STORE_KEY", "ACQUISITIONS_TOKEN"]),
            ({"STORE_URL": "ftp://x", "ACQUISITIONS_URL": "x"}, ["STORE_URL", "ACQUISITIONS_URL"]),
            ({"AUTH": "yes", "AUTH_ISSUER": "x", "RATE_LIMIT": "often"}, ["AUTH", "RATE_LIMIT"]),
            ({"AUTH": "jwt"}, ["AUTH_JWKS_URI", "AUTH_ISSUER", "AUTH_AUDIENCE"]),
            (
                {"AUTH": "introspection", "AUTH_CLIENT_SECRET": SECRET},
                ["AUTH_CLIENT_ID", "AUTH_INTROSPECTION_URL", "AUTH_AUDIENCE"],
            ),
            (
                {"AUTH": "remote", "AUTH_SCOPES": "desk:burn", "AUTH_PUBLIC_KEY": f"/no/{SECRET}"},
                ["AUTH_BASE_URL", "AUTH_SCOPES", "AUTH_PUBLIC_KEY", "AUTH_ISSUER", "AUTH_AUDIENCE"],
            ),
            (
                {
                    "AUTH": "oauth-proxy",
                    "AUTH_SIGNING_KEY": SECRET[:20],
                    "AUTH_INTROSPECTION_URL": "https://x",
                },
                [
                    *("AUTH_BASE_URL", "AUTH_AUTHORIZE_URL", "AUTH_TOKEN_URL", "AUTH_SIGNING_KEY"),
                    *("AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET"),
                ],
            ),
        ],
    )
    def test_all_that_is_bad_is_named_at_once(
        self, settings: dict[str, str], names: list[str], tmp_path: Path
    ) -> None:
        done = run(warm_server(), tmp_path, settings)
        assert (done.returncode, done.stdout) == (2, "")
        assert sorted(named(done.stderr)) == sorted(names)
        assert SECRET[:7] not in done.stderr

    def test_what_auth_does_not_use_is_not_read(self, tmp_path: Path) -> None:
        done = run(warm_server(), tmp_path, {"AUTH": "none", "AUTH_ISSUER": "x", "AUTH_PUBLIC_KEY": "/no"})
        assert (done.returncode, done.stderr) == (0, "")

    def test_they_are_frozen_and_shown_without_secrets(self, tmp_path: Path) -> None:
        settings = {
            "DATABASE_URL": f"postgresql://desk:{SECRET}@db/desk?password={SECRET}",
            "REDIS_URL": f"redis://:{SECRET}@store",
            "STORE_KEY": (key := Fernet.generate_key().decode()),
            "ACQUISITIONS_URL": "http://127.0.0.1:9",
            "ACQUISITIONS_TOKEN": SECRET,
            "AUTH": "introspection",
            "AUTH_INTROSPECTION_URL": "https://issuer.example/ask",
            "AUTH_CLIENT_ID": "desk",
            "AUTH_CLIENT_SECRET": SECRET,
            "AUTH_AUDIENCE": "desk",
            "PYTHONPATH": str(SERVER.parent),
        }
        code = (
            "import server; print(server.SETTINGS)\n"
            "try: server.SETTINGS.auth = 'none'\n"
            "except AttributeError: print('frozen')\n"
            "try: server.SETTINGS.auth_details['audience'] = ''\n"
            "except TypeError: print('frozen')"
        )
        done = run([*warm_python(), "-c", code], tmp_path, settings)
        shown, *frozen = done.stdout.splitlines()
        assert frozen == ["frozen"] * 2, done.stderr
        assert shown.startswith("Settings(data=")
        assert SECRET not in shown
        assert key not in shown


class TestEnvFile:
    """`.env` beside server.py, and no other."""

    @pytest.fixture
    def copied(self, tmp_path: Path) -> Path:
        """server.py in a folder of its own; the process starts in another one."""
        (tmp_path / "deployed").mkdir()
        (tmp_path / "elsewhere").mkdir()
        return Path(shutil.copy(SERVER, tmp_path / "deployed"))

    def started(self, server: Path, settings: dict[str, str]) -> tuple[int, list[str]]:
        home = server.parent.parent / "elsewhere"
        done = run([*warm_python(), str(server)], home, {"DESK_DATA": str(DATA), **settings})
        assert SECRET not in done.stderr
        return done.returncode, named(done.stderr)

    def test_it_is_read(self, copied: Path) -> None:
        text = f"# for now\nexport RATE_LIMIT='often'\nSTORE_KEY={SECRET}\nPARTNER_URL\n"
        copied.with_name(".env").write_text(text)
        assert self.started(copied, {}) == (2, ["STORE_KEY", "RATE_LIMIT"])

    def test_the_process_has_the_last_word(self, copied: Path) -> None:
        copied.with_name(".env").write_text("RATE_LIMIT=often\n")
        assert self.started(copied, {"RATE_LIMIT": "9/day"}) == (0, [])

    def test_not_the_one_in_the_working_folder(self, copied: Path) -> None:
        (copied.parent.parent / "elsewhere" / ".env").write_text("RATE_LIMIT=often\n")
        (copied.parent.parent / ".env").write_text("RATE_LIMIT=often\n")
        assert self.started(copied, {}) == (0, [])

    def test_one_that_cannot_be_read(self, copied: Path) -> None:
        copied.with_name(".env").write_bytes(f"RATE_LIMIT=caf\xe9{SECRET}".encode("latin-1"))
        home = copied.parent.parent / "elsewhere"
        done = run([*warm_python(), str(copied)], home, {"DESK_DATA": str(DATA)})
        assert done.returncode == 2
        assert done.stderr == ".env: got what cannot be read; it takes lines as NAME=value.\n"

    def test_it_is_not_handed_on_to_children(self, copied: Path) -> None:
        copied.with_name(".env").write_text(f"ACQUISITIONS_TOKEN={SECRET}\nRATE_LIMIT=9/day\n")
        code = "import os, server; print(server.SETTINGS.rate_limit, 'RATE_LIMIT' in os.environ)"
        home = copied.parent.parent / "elsewhere"
        done = run([*warm_python(), "-c", code], home, {"PYTHONPATH": str(copied.parent)})
        assert done.stdout == "9 per 1 day False\n", done.stderr


def test_nothing_is_imported_that_is_not_needed(tmp_path: Path) -> None:
    code = (
        "import sys, server\n"
        "late = ('tenacity', 'opentelemetry.sdk', 'opentelemetry.exporter', 'redis', 'requests')\n"
        "print([name for name in late if name in sys.modules])"
    )
    done = run([sys.executable, "-c", code], tmp_path, {"PYTHONPATH": str(SERVER.parent)})
    assert done.stdout == "[]\n", done.stderr


# Pools ------------------------------------------------------------------------------------------------

TWICE = """
import asyncio, sys
import server
from fastmcp import Client
from redis import Redis

admin = Redis.from_url(sys.argv[1])

async def visit():
    async with Client(server.mcp) as client:
        session = (await client.call_tool("create_session", {})).data
        await client.call_tool("set_aside", {"book_id": sys.argv[2], "session_id": session})
        return len(admin.client_list())

for _ in "12":
    print(asyncio.run(visit()) > 1, len(admin.client_list()))
"""


def test_a_pool_is_opened_late_closed_always_and_opened_again(tmp_path: Path) -> None:
    """Two lifespans in one process, each in a loop of its own. The one connection is that of the test."""
    with valkey() as url:
        settings = {
            "REDIS_URL": url,
            "STORE_KEY": Fernet.generate_key().decode(),
            "PYTHONPATH": str(SERVER.parent),
        }
        with redis.Redis.from_url(url) as admin:
            admin.ping()
            before = len(admin.client_list())
            done = run([*warm_python(), "-c", "import server"], tmp_path, settings)
            assert (done.returncode, len(admin.client_list())) == (0, before)
        done = run([*warm_python(), "-c", TWICE, url, BOOK], tmp_path, settings)
    assert done.stdout.splitlines() == ["True 1"] * 2, done.stderr
    assert "Event loop is closed" not in done.stderr


def test_a_store_that_is_away_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    settings = {"REDIS_URL": "redis://127.0.0.1:1", "STORE_KEY": Fernet.generate_key().decode()}
    done = run(warm_server(), tmp_path, settings)
    assert (done.returncode, done.stderr) == (0, "")


# Retries ----------------------------------------------------------------------------------------------


async def test_replicas_do_not_come_back_at_the_same_moment(tmp_path: Path) -> None:
    """The office has gone: no answer at all, and no Retry-After. Fifty tries that failed part again."""
    code = """
import asyncio, time, httpx2, server
async def one():
    tries = []
    async def send(request):
        tries.append(time.monotonic())
        raise httpx2.ConnectError("gone")
    try: await server.persist(send, httpx2.Request("GET", "http://office/"))
    except httpx2.ConnectError: pass
    return tries
async def main():
    all_tries = await asyncio.gather(*(one() for _ in range(50)))
    first, second = ([round(t[i] - t[0], 2) for t in all_tries] for i in (1, 2))
    apart = [len(set(pauses)) > 10 for pauses in (first, second)]
    print({len(t) for t in all_tries}, *apart, max(first) < 0.7, max(second) < 2)
asyncio.run(main())
"""
    done = run([*warm_python(), "-c", code], tmp_path, {"PYTHONPATH": str(SERVER.parent)})
    assert done.stdout == "{3} True True True True\n", done.stderr


async def test_a_post_without_a_key_is_never_sent_twice(tmp_path: Path) -> None:
    code = """
import asyncio, httpx2, server
async def tries(method, answer, **headers):
    sent = []
    async def send(request):
        sent.append(request)
        if isinstance(answer, Exception): raise answer
        return httpx2.Response(answer, headers={"Retry-After": "0"})
    try: await server.persist(send, httpx2.Request(method, "http://office/", headers=headers))
    except httpx2.TransportError: pass
    return len(sent)
async def main():
    gone, slow = httpx2.ConnectError("gone"), httpx2.ReadTimeout("slow")
    print([await tries("POST", answer) for answer in (503, 429, 500, gone, slow)])
    print([await tries("PATCH", answer) for answer in (503, gone)])
    print([await tries("POST", answer, **{"Idempotency-Key": "k"}) for answer in (503, 429, 500, gone, slow)])
asyncio.run(main())
"""
    done = run([*warm_python(), "-c", code], tmp_path, {"PYTHONPATH": str(SERVER.parent)})
    assert done.stdout.splitlines() == ["[1, 1, 1, 1, 1]", "[1, 1]", "[3, 3, 1, 3, 1]"], done.stderr


# Health -----------------------------------------------------------------------------------------------


def test_many_who_ask_after_its_health_are_one_question(tmp_path: Path) -> None:
    settings = {"REDIS_URL": "redis://127.0.0.1:1", "STORE_KEY": Fernet.generate_key().decode()}
    with serving_http(tmp_path, settings=settings) as address, httpx2.Client() as http:
        begun = time.monotonic()
        answers = {http.get(f"{address}/health").status_code for _ in range(60)}
        seconds = time.monotonic() - begun
        time.sleep(1.1)
        http.get(f"{address}/health")
    said = (tmp_path / "http-server.log").read_text(encoding="utf-8").count('"event": "store: ')
    assert answers == {503}
    assert 2 <= said <= 3 + 1.1 * seconds  # one for each second, and not one for each request


# Errors and the log -----------------------------------------------------------------------------------


def log_of(home: Path) -> list[dict[str, Any]]:
    (file,) = home.glob("*-server.log")
    lines = file.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def details(reply: Any) -> dict[str, str]:
    found: dict[str, str] = reply.meta["library.example/error"]
    return found


@pytest.mark.parametrize("way", WAYS, ids=str)
class TestErrors:
    async def test_they_have_one_form(self, way: Way, tmp_path: Path) -> None:
        calls: list[tuple[str, dict[str, Any], str]] = [
            ("no_such_tool", {}, "unknown"),
            ("find_books", {"limit": 99}, "arguments"),
            ("where_is", {"book_id": "nowhere"}, "refused"),
        ]
        with new_desk(way, tmp_path) as desk:
            async with desk as client:
                for tool, arguments, kind in calls:
                    reply = await client.call_tool(tool, arguments, raise_on_error=False)
                    assert reply.is_error
                    assert reply.content[0].text
                    assert details(reply).keys() == {"kind", "request"}
                    assert details(reply)["kind"] == kind
                good = await client.call_tool("where_is", {"book_id": BOOK})
        assert "library.example/error" not in (good.meta or {})

    async def test_what_nobody_foresaw_has_a_number_that_leads_to_it(self, way: Way, tmp_path: Path) -> None:
        broken = (
            *warm_python(),
            "-c",
            "import server\n@server.mcp.tool\ndef broken() -> str:\n"
            f"    raise KeyError({SECRET!r})\nserver.main()",
        )
        settings = {"PYTHONPATH": str(SERVER.parent)}
        with new_desk(way, tmp_path, command=broken, settings=settings) as desk:
            async with desk as client:
                replies = await asyncio.gather(
                    *(client.call_tool("broken", raise_on_error=False) for _ in range(3))
                )
                with pytest.raises(MCPError, match="No book has the id 'nowhere'"):
                    await client.read_resource("book://nowhere")
        numbers = [details(reply)["request"] for reply in replies]
        assert len(set(numbers)) == 3
        lines = log_of(tmp_path)
        for reply, number in zip(replies, numbers, strict=True):
            text: str = reply.content[0].text
            assert details(reply)["kind"] == "failed"
            assert text == f"Error calling tool 'broken'. Tell those who run the desk: request {number}."
            ours = [line for line in lines if line.get("request") == number]
            assert Counter("traceback" in line for line in ours) == {True: 1, False: len(ours) - 1}
            assert {"request_start", "request_error"} <= {line["event"] for line in ours}
            (failed,) = [line for line in ours if "traceback" in line]
            assert failed["error"] == "KeyError"
            assert failed["level"] == "ERROR"
        said = [line for line in lines if "traceback" not in line]
        assert SECRET not in str(said)
        assert all("request" in line for line in said if "method" in line)
        tracebacks = [line for line in lines if "traceback" in line]
        assert len(tracebacks) == 3  # a refusal that was foreseen has none


async def test_the_id_of_a_load_balancer_is_taken_if_it_is_one(tmp_path: Path) -> None:
    given = ["from-the-balancer.1", "short", "with spaces and more", "x" * 65, "<script>alert(1)</script>"]
    seen = []
    with serving_http(tmp_path) as address:
        for text in given:
            headers = {"X-Request-ID": text}
            async with Client(StreamableHttpTransport(f"{address}/mcp", headers=headers)) as client:
                reply = await client.call_tool("where_is", {"book_id": "nowhere"}, raise_on_error=False)
                seen.append(details(reply)["request"])
    assert seen[0] == given[0]
    assert all(re.fullmatch("[0-9a-f]{32}", other) for other in seen[1:])
    assert len(set(seen)) == len(seen)


# Spans ------------------------------------------------------------------------------------------------


class Collector(NamedTuple):
    """What an OpenTelemetry collector got over HTTP, and its address."""

    got: list[ExportTraceServiceRequest]
    address: str

    def spans(self) -> list[Span]:
        scopes = [s for request in self.got for r in request.resource_spans for s in r.scope_spans]
        return [span for scope in scopes for span in scope.spans]


@contextmanager
def collector() -> Iterator[Collector]:
    got: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Collector(got, f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def attributes(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in span.attributes:
        which = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, which)
    return found


@pytest.mark.parametrize("way", [STDIO, HTTP], ids=str)
async def test_spans_reach_the_collector_and_the_office(way: Way, tmp_path: Path) -> None:
    office = Office()
    with is_open(office) as url, collector() as where:
        settings = told_of(url, OTEL_EXPORTER_OTLP_ENDPOINT=where.address, OTEL_SERVICE_NAME="a-desk")
        with new_desk(way, tmp_path, settings=settings) as desk:
            async with desk as client:
                office.heard.clear()
                office.app.state.trouble.unavailable(1, retry_after=0)
                await client.call_tool(SUGGEST, {"isbn": EYRE})
        spans = where.spans()
    (called,) = [span for span in spans if span.name == f"tools/call {SUGGEST}"]
    tries = [span for span in spans if attributes(span).get("url.path") == "/orders"]
    assert [attributes(span)["http.response.status_code"] for span in tries] == [503, 201]
    assert {(span.trace_id, span.parent_span_id) for span in tries} == {(called.trace_id, called.span_id)}
    assert {span.kind for span in tries} == {Span.SPAN_KIND_CLIENT}
    told = [heard["traceparent"].split("-")[1:3] for heard in office.heard]
    assert told == [[span.trace_id.hex(), span.span_id.hex()] for span in tries]
    resource = {
        pair.key: pair.value.string_value for pair in where.got[0].resource_spans[0].resource.attributes
    }
    assert resource["service.name"] == "a-desk"
    assert TOKEN not in str(where.got)
    lines = [line for line in log_of(tmp_path) if line.get("method") == "tools/call"]
    assert {line["trace"] for line in lines} == {called.trace_id.hex()}


@pytest.mark.parametrize(
    "off", [{}, {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}], ids=["", "sdk", "exporter"]
)
async def test_without_the_variables_nothing_is_sent(off: dict[str, str], tmp_path: Path) -> None:
    with collector() as where:
        there = {"OTEL_EXPORTER_OTLP_ENDPOINT": where.address} if off else {}
        with new_desk(HTTP, tmp_path, settings={**there, **off}) as desk:
            async with desk as client:
                await client.call_tool("where_is", {"book_id": BOOK})
        assert where.got == []
    assert not [line for line in log_of(tmp_path) if "trace" in line]


async def test_a_collector_that_is_silent_holds_up_nobody(tmp_path: Path) -> None:
    """It takes the connection, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        with new_desk(HTTP, tmp_path, settings=settings) as desk:
            async with desk as client:
                begun = time.monotonic()
                await client.call_tool("where_is", {"book_id": BOOK})
                assert time.monotonic() - begun < 5
            begun = time.monotonic()
        assert time.monotonic() - begun < 8
