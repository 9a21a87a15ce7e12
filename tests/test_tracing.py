"""trace: every JSON-RPC message of a client on a server object, in both eras."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from pathlib import Path
from typing import Any, Literal

import pytest
from fastmcp import Client, FastMCP
from fastmcp.client.transports import PythonStdioTransport
from fastmcp.server import create_proxy
from pydantic import SecretStr

from mcp_workbench import WorkbenchError, drawing, trace
from mcp_workbench.services import serve
from mcp_workbench.tracing import Trace

lab = FastMCP("lab", version="1")


@lab.tool
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


async def call(server: FastMCP, mode: Literal["auto", "legacy"]) -> None:
    async with Client(server, mode=mode) as client:
        await client.call_tool("double", {"number": 21})


async def test_the_sessionless_era() -> None:
    with trace(lab) as t:
        await call(lab, "auto")
    methods = [message.method for message in t.messages]
    assert methods[:4] == ["server/discover", "server/discover", "tools/call", "tools/call"]
    assert "initialize" not in methods
    question, answer = (message for message in t.messages if message.method == "tools/call")
    assert (question.direction, question.kind) == ("->", "request")
    assert question.body["arguments"] == {"number": 21}
    assert (answer.direction, answer.kind) == ("<-", "response")
    assert answer.body["structuredContent"] == {"result": 42}


async def test_the_handshake_era() -> None:
    with trace(lab) as t:
        await call(lab, "legacy")
    assert [(m.direction, m.method, m.kind) for m in t.messages[:4]] == [
        ("->", "initialize", "request"),
        ("<-", "initialize", "response"),
        ("->", "notifications/initialized", "notification"),
        ("->", "tools/call", "request"),
    ]


async def test_an_error_keeps_the_method_that_it_answers() -> None:
    with trace(lab) as t:
        async with Client(lab) as client:
            with pytest.raises(Exception, match="nope"):
                await client.get_prompt("nope")
    assert [m.kind for m in t.messages if m.method == "prompts/get"] == ["request", "error"]


async def test_only_that_server_and_only_inside_the_block() -> None:
    other = FastMCP("other")
    other.add_tool(await lab.get_tool("double"))  # type: ignore[arg-type]
    with trace(lab) as t:
        await call(other, "auto")
    assert t.messages == []
    await call(lab, "auto")
    assert t.messages == []


async def test_nested() -> None:
    with trace(lab) as outer, trace(lab) as inner:
        await call(lab, "auto")
    assert [m.payload for m in outer.messages] == [m.payload for m in inner.messages]
    assert outer.messages


async def test_text_is_the_same_each_time_and_short() -> None:
    shown = []
    for _ in range(2):
        with trace(lab) as t:
            await call(lab, "legacy")
        shown.append(repr(t))
    assert shown[0] == shown[1]
    lines = shown[0].splitlines()
    assert len(lines) <= 12
    assert lines[0].startswith(' 1 -> initialize {"protocolVersion": "2025-11-25"')
    assert "_meta" not in shown[0]
    assert max(map(len, lines)) <= 100
    short = t.text(lines=3, width=40).splitlines()
    assert short[-1].strip() == f"and {len(t.messages) - 2} more"
    assert max(map(len, short)) <= 40


async def test_payloads_are_what_went_over_the_wire() -> None:
    with trace(lab) as t:
        await call(lab, "auto")
    for message in t.messages:
        assert message.payload["jsonrpc"] == "2.0"
        json.dumps(message.payload)


async def test_a_failing_block_ends_the_trace() -> None:
    with pytest.raises(ValueError, match="mine"), trace(lab) as t:
        raise ValueError("mine")
    await call(lab, "auto")
    assert t.messages == []


async def test_sessions_times_and_pairs() -> None:
    with trace(lab) as t:
        await call(lab, "auto")
        await call(lab, "legacy")
    assert {message.session for message in t} == {1, 2}
    assert [message.number for message in t] == list(range(1, len(t) + 1))
    times = [message.time for message in t]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] < 30
    for message in t:
        asked = t.messages[message.answers - 1] if message.answers else None
        assert (message.answers is None) == (message.kind in ("request", "notification"))
        if asked is not None:
            assert asked.kind == "request"
            assert asked.payload["id"] == message.payload["id"]
            assert (asked.session, asked.method) == (message.session, message.method)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_server_behind_http(mode: Literal["auto", "legacy"]) -> None:
    async with serve(lab.http_app()) as origin:
        url = f"{origin}/mcp"
        with trace(url) as t:
            async with Client(url, mode=mode, auth="a-token-of-someone") as client:
                await client.call_tool("double", {"number": 21})
    assert [m.body["structuredContent"] for m in t if m.method == "tools/call" and m.answers] == [
        {"result": 42}
    ]
    sent = [message for message in t if message.method == "tools/call" and message.kind == "request"]
    if mode == "auto":
        assert sent[0].headers["mcp-method"] == "tools/call"
    assert "a-token-of-someone" not in str([(m.text, m.headers) for m in t])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_server_in_a_file(tmp_path: Path, mode: Literal["auto", "legacy"]) -> None:
    file = tmp_path / "lab.py"
    file.write_text(
        'from fastmcp import FastMCP\nmcp = FastMCP("lab")\n\n@mcp.tool\ndef double(number: int) -> int:\n'
        "    return 2 * number\n\nmcp.run(show_banner=False)\n"
    )
    command = {"command": sys.executable, "args": [str(file)]}
    config = {"mcpServers": {"lab": command | {"keep_alive": False}}}
    with trace(config) as by_command:
        async with Client(config, mode=mode) as client:
            await client.call_tool("double", {"number": 4})
    assert "8" in str([m.body.get("content") for m in by_command])
    transport = PythonStdioTransport(file, keep_alive=False, log_file=tmp_path / "log")
    with trace(file) as by_path, trace(transport) as by_transport:
        async with Client(transport, mode=mode) as client:
            await client.call_tool("double", {"number": 21})
    assert [m.text for m in by_transport] == [m.text for m in by_path]
    assert by_path.messages[-1].kind == "response"
    assert "42" in str([m.body for m in by_path])


async def test_a_client_that_was_made_before() -> None:
    client = Client(lab)
    with trace(client) as t:
        async with client:
            await client.list_tools()
    assert "tools/list" in [message.method for message in t]


async def test_what_a_desktop_client_says_through_a_proxy() -> None:
    """The proxy is served over HTTP, as a desktop client would meet it; the trace is of its other side."""
    with trace(lab) as t:
        async with serve(create_proxy(lab).http_app()) as url, Client(f"{url}/mcp") as client:
            assert (await client.call_tool("double", {"number": 4})).data == 8
    calls = [message for message in t if message.method == "tools/call"]
    assert [message.kind for message in calls] == ["request", "response"]
    assert calls[0].body["arguments"] == {"number": 4}


async def test_two_traces_that_end_in_the_order_in_which_they_began() -> None:
    first, second = trace(lab), trace(lab)
    first.__enter__()
    second.__enter__()
    first.__exit__()
    await call(lab, "auto")
    second.__exit__()
    await call(lab, "auto")
    assert len(first) == 0
    assert [m.method for m in second].count("tools/call") == 2


def test_saved_and_loaded(tmp_path: Path) -> None:
    with trace(lab) as t:
        asyncio.run(call(lab, "legacy"))
    path = t.save(tmp_path / "trace.jsonl")
    assert list(tmp_path.iterdir()) == [path]
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == len(t)
    assert {json.loads(line)["direction"] for line in lines} == {"->", "<-"}
    loaded = Trace.load(path)
    assert loaded.messages == t.messages
    assert (repr(loaded), loaded.as_python()) == (repr(t), t.as_python())


@pytest.mark.parametrize("line", ["", "{}", "no JSON", '{"number": 1}', "[]"])
def test_a_file_that_is_no_trace(tmp_path: Path, line: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(WorkbenchError, match=r"trace\.jsonl:1: no message of a trace"):
        Trace.load(path)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_calls_as_python_do_the_same_again(mode: Literal["auto", "legacy"]) -> None:
    with trace(lab) as t:
        await call(lab, mode)
    code = t.as_python("lab")
    assert '    await client.call_tool("double", {"number": 21})' in code
    assert ('mode="legacy"' in code) == (mode == "legacy")
    names: dict[str, Any] = {"Client": Client, "lab": lab}
    exec(f"async def again():\n{textwrap.indent(code, '    ')}", names)
    with trace(lab) as second:
        await names["again"]()
    assert [m.body for m in second if m.method == "tools/call"] == [
        m.body for m in t if m.method == "tools/call"
    ]


async def test_a_diagram() -> None:
    with trace(lab) as t:
        await call(lab, "legacy")
    source = t.diagram()._repr_mimebundle_()["text/vnd.mermaid"]
    assert source.startswith("sequenceDiagram\n")
    assert "    C->>S: 4 tools/call double" in source
    assert "    S-->>C: 5 tools/call answered" in source
    assert t.diagram(messages=2).source.endswith(f"and {len(t) - 2} more")
    assert repr(t.diagram()) == source


async def test_html_is_escaped_and_short() -> None:
    shop = FastMCP("shop")

    @shop.tool
    def say(text: str) -> str:
        return text

    with trace(shop) as t:
        async with Client(shop) as client:
            for _ in range(drawing.ROWS):
                await client.call_tool("say", {"text": "<script>alert(1)</script>" * 1000})
    shown = t._repr_html_()
    assert "<script>" not in shown
    assert shown.count("<details") == drawing.ROWS
    assert f"{len(t) - drawing.ROWS} earlier messages are not shown" in shown
    assert len(shown) < drawing.ROWS * 3 * drawing.CHARACTERS


async def test_secrets_are_not_kept() -> None:
    bank = FastMCP("bank")

    @bank.tool
    def login(user: str, password: str, door: SecretStr) -> dict[str, str]:
        return {"access_token": f"of-{user}", "said": "Authorization: Bearer abcdefghijkl"}

    secrets = {"password": "swordfish", "door": "sesame"}
    with trace(bank) as t:
        async with Client(bank) as client:
            await client.list_tools()
            await client.call_tool("login", {"user": "ada", **secrets})
    kept = json.dumps([message.text for message in t])
    for secret in ("swordfish", "sesame", "of-ada", "abcdefghijkl"):
        assert secret not in kept
    assert '"user":"ada"' in t.messages[-2].text.replace(": ", ":")
