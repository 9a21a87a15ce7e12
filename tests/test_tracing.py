"""trace: every JSON-RPC message of a client on a server object, in both eras."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from fastmcp import Client, FastMCP

from mcp_workbench import trace

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
