"""Record the JSON-RPC messages between a client and a server object, and show them as text."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from fastmcp.client.transports import FastMCPTransport
from fastmcp.client.transports.base import TransportOptions
from mcp import ClientSession
from mcp.shared.message import SessionMessage


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON-RPC message as it went over the wire.

    `direction` is "->" from client to server, "<-" back; `method` of a response is that of the request
    that it answers; `payload` is the whole message.
    """

    direction: str
    method: str
    payload: dict[str, Any]

    @property
    def kind(self) -> str:
        """request, notification, response or error (JSON-RPC 2.0, sections 4 and 5)."""
        if "method" in self.payload:
            return "request" if "id" in self.payload else "notification"
        return "error" if "error" in self.payload else "response"

    @property
    def body(self) -> dict[str, Any]:
        """What the message says: its params, its result or its error."""
        for part in ("params", "result", "error"):
            if isinstance(found := self.payload.get(part), dict):
                return found
        return {}


class trace:  # noqa: N801  # reads as a statement: `with trace(mcp) as t`
    """Record every message of every client that is opened on a server object inside the block.

    Args:
        server: The server object (FastMCP) that the clients are opened on, in memory.

    >>> with trace(mcp) as t:
    ...     async with Client(mcp) as client:
    ...         await client.call_tool("opening_hours", {"branch": "Leith"})
    >>> t
    """

    def __init__(self, server: object) -> None:
        self.server = server
        self.messages: list[Message] = []
        self._open: dict[tuple[int, str, object], str] = {}
        self._original: Callable[..., AbstractAsyncContextManager[ClientSession]] | None = None

    def __enter__(self) -> trace:
        original = FastMCPTransport.connect_session
        recorder = self

        @asynccontextmanager
        async def connect_session(
            transport: FastMCPTransport,
            *,
            transport_options: TransportOptions | None = None,
            **session_kwargs: Any,
        ) -> AsyncIterator[ClientSession]:
            options = transport_options
            if transport.server is recorder.server:
                options = options or TransportOptions()
                options = replace(options, session_class=_recorded(options.session_class, recorder))
            async with original(transport, transport_options=options, **session_kwargs) as session:
                yield session

        self._original = original
        FastMCPTransport.connect_session = connect_session  # type: ignore[assignment,method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        FastMCPTransport.connect_session = self._original  # type: ignore[assignment,method-assign]

    def text(self, lines: int = 12, width: int = 100) -> str:
        """The messages, one a line, numbered; what differs from run to run is left out.

        Args:
            lines: How many messages at the most.
            width: Characters a line, after which it is cut.
        """
        shown = [
            f"{number:2} {message.direction} {message.method} {_shorten(message.body, width)}"[:width]
            for number, message in enumerate(self.messages[:lines], start=1)
        ]
        if len(self.messages) > lines:
            shown[-1] = f"   and {len(self.messages) - lines + 1} more"
        return "\n".join(shown)

    def __repr__(self) -> str:
        return self.text()

    def _record(self, session: int, direction: str, item: object) -> None:
        if not isinstance(item, SessionMessage):
            return  # a transport's exception, which the client raises anyway
        payload = item.message.model_dump(mode="json", by_alias=True, exclude_unset=True)
        method, identifier = payload.get("method"), payload.get("id")
        if method is None:
            asked = "<-" if direction == "->" else "->"
            method = self._open.pop((session, asked, identifier), "?")
        elif identifier is not None:
            self._open[session, direction, identifier] = method
        self.messages.append(Message(direction, method, payload))


RUN_DEPENDENT = {"requestState": "(sealed)", "elicitationId": "(id)"}


def _shorten(body: object, width: int) -> str:
    """The body as JSON, without `_meta` (protocol version, client, progress token)."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {k: RUN_DEPENDENT.get(k, plain(v)) for k, v in value.items() if k != "_meta"}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return json.dumps(plain(body), ensure_ascii=False)[:width]


def _recorded(session_class: type[ClientSession], recorder: trace) -> type[ClientSession]:
    """The session class with its two streams tapped; the SDK takes the class, not a hook."""

    class RecordedSession(session_class):  # type: ignore[misc,valid-type]
        def __init__(
            self, read_stream: Any = None, write_stream: Any = None, *args: Any, **kwargs: Any
        ) -> None:
            if read_stream is not None:
                tap = _Tap(recorder, id(self))
                read_stream, write_stream = _Reading(read_stream, tap), _Writing(write_stream, tap)
            super().__init__(read_stream, write_stream, *args, **kwargs)

    return RecordedSession


@dataclass(frozen=True)
class _Tap:
    recorder: trace
    session: int

    def record(self, direction: str, item: object) -> None:
        self.recorder._record(self.session, direction, item)


class _Stream:
    """A stream of the SDK, passed through: the dispatcher looks up attributes beside the protocol's."""

    def __init__(self, inner: Any, tap: _Tap) -> None:
        self._inner = inner
        self._tap = tap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> _Stream:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *details: Any) -> Any:
        return await self._inner.__aexit__(*details)


class _Reading(_Stream):
    async def receive(self) -> Any:
        item = await self._inner.receive()
        self._tap.record("<-", item)
        return item

    def __aiter__(self) -> _Reading:
        return self

    async def __anext__(self) -> Any:
        item = await self._inner.__anext__()
        self._tap.record("<-", item)
        return item


class _Writing(_Stream):
    async def send(self, item: Any) -> None:
        self._tap.record("->", item)
        await self._inner.send(item)
