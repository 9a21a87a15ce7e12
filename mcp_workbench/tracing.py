"""Record the JSON-RPC messages between clients and servers, on any transport and in both eras."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any, cast

from fastmcp.client.client import Client
from fastmcp.client.transports import ClientTransport, StdioTransport, infer_transport
from fastmcp.client.transports.base import TransportOptions
from fastmcp.client.transports.config import MCPConfigTransport
from mcp import ClientSession
from mcp.shared.message import ClientMessageMetadata, SessionMessage

from mcp_workbench import drawing
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.redaction import declared_secrets, redact, redacted

Connect = Callable[..., AbstractAsyncContextManager[ClientSession]]


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON-RPC message as it went over the wire, secrets hidden.

    Args:
        number: Its place in the trace, from 1.
        time: Seconds since the trace began.
        session: Which client's connection, from 1.
        direction: "->" from client to server, "<-" back.
        method: Its method; of a response, the method of the request that it answers.
        text: The whole message, as JSON.
        answers: The number of the request that a response answers, else None.
        headers: The HTTP headers that the client sent with it, where there are any.
    """

    number: int
    time: float
    session: int
    direction: str
    method: str
    text: str
    answers: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, Any]:
        """The whole message."""
        return cast(dict[str, Any], json.loads(self.text))

    @property
    def kind(self) -> str:
        """request, notification, response or error (JSON-RPC 2.0, sections 4 and 5)."""
        payload = self.payload
        if "method" in payload:
            return "request" if "id" in payload else "notification"
        return "error" if "error" in payload else "response"

    @property
    def body(self) -> dict[str, Any]:
        """What the message says: its params, its result or its error."""
        payload = self.payload
        for part in ("params", "result", "error"):
            if isinstance(found := payload.get(part), dict):
                return found
        return {}


class Trace:
    """Messages in the order in which they were sent or received; shown as a list that unfolds."""

    def __init__(self, messages: list[Message] | None = None) -> None:
        self.messages = messages if messages is not None else []

    def text(self, lines: int = 12, width: int = 100) -> str:
        """The messages, one a line, numbered; what differs from run to run (times, ids) is left out.

        Args:
            lines: How many messages at the most.
            width: Characters a line, after which it is cut.

        >>> print(t.text(lines=2))
         1 -> server/discover {}
         2 <- server/discover {"supportedVersions": ["2026-07-28"], ...
        """
        return drawing.text(self.messages, lines, width)

    def diagram(self, messages: int = 40) -> drawing.Diagram:
        """The messages as a sequence diagram, which JupyterLab draws.

        Args:
            messages: How many at the most.
        """
        return drawing.Diagram(drawing.mermaid(self.messages, messages))

    def as_python(self, server: str = "mcp") -> str:
        """The calls of the traced clients as code to paste into a cell.

        Args:
            server: The expression that clients are opened on.

        >>> print(t.as_python())
        async with Client(mcp) as client:
            await client.call_tool("opening_hours", {"branch": "Leith"})
        """
        return drawing.python(self.messages, server)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the messages to a file of JSON lines, one a message; gives its path.

        The file is written beside its place and renamed, so that it is never half a trace.
        """
        target = Path(path)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            file.writelines(json.dumps(asdict(message)) + "\n" for message in self.messages)
        Path(file.name).replace(target)
        return target

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """Read what `save` wrote.

        Raises:
            WorkbenchError: A line is no message of a trace.
        """
        messages = []
        for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
            try:
                message = Message(**json.loads(line))
                json.loads(message.text)
            except (TypeError, ValueError) as error:
                raise WorkbenchError(f"{path}:{number}: no message of a trace: {error}") from None
            messages.append(message)
        return cls(messages)

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return drawing.html(self.messages)


class trace(Trace):  # noqa: N801  # reads as a statement: `with trace(mcp) as t`
    """Record every message of every client that is opened on a target inside the block.

    Args:
        target: A server object, a Client or transport, or what Client takes: a URL, the path of a server,
            a configuration. A proxy of a server is a client of it, so that its traffic is recorded too.
        listener: Is called with each message, once it is recorded.

    >>> with trace(mcp) as t:
    ...     async with Client(mcp) as client:
    ...         await client.call_tool("opening_hours", {"branch": "Leith"})
    >>> t
    """

    def __init__(self, target: object, listener: Callable[[Message], None] | None = None) -> None:
        super().__init__()
        self._listener = listener
        self.watch(target)
        self._open: dict[tuple[int, str, object], tuple[int, str]] = {}
        self._names: frozenset[str] = frozenset()
        self._sessions = 0
        self._began = 0.0

    def __enter__(self) -> trace:
        self._began = time.perf_counter() - (self.messages[-1].time if self.messages else 0)
        _start(self)
        return self

    def __exit__(self, *_: object) -> None:
        _recorders.remove(self)

    def watch(self, target: object) -> None:
        """Watch this target from now on; the messages and the sessions are counted on."""
        self._transport = _transport_of(target)

    def watches(self, transport: ClientTransport) -> bool:
        """Is a client on this transport a client on the target?"""
        return transport is self._transport or _address(transport) == _address(self._transport)

    def _record(self, session: int, direction: str, item: object) -> None:
        if not isinstance(item, SessionMessage) or self not in _recorders:
            return  # a transport's exception is raised by the client anyway
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        if "writeOnly" in text or '"password"' in text:
            self._names |= declared_secrets(json.loads(text))
        method, identifier = getattr(item.message, "method", None), getattr(item.message, "id", None)
        number, answers = len(self.messages) + 1, None
        if method is None:
            asked = "<-" if direction == "->" else "->"
            answers, method = self._open.pop((session, asked, identifier), (None, "?"))
        elif identifier is not None:
            self._open[session, direction, identifier] = (number, method)
        sent = item.metadata.headers if isinstance(item.metadata, ClientMessageMetadata) else None
        message = Message(
            number,
            round(time.perf_counter() - self._began, 6),
            session,
            direction,
            method,
            redact(text, self._names),
            answers,
            redacted(dict(sent)) if sent else {},
        )
        self.messages.append(message)
        if self._listener is not None:
            self._listener(message)


_recorders: list[trace] = []
_watched: set[type] = set()


def _start(recorder: trace) -> None:
    """Let the class that opens the target's sessions ask the recorders first.

    FastMCP has no hook for it; a session class can be given to a transport only where a client is made.
    """
    owner = next(kind for kind in type(recorder._transport).__mro__ if "connect_session" in vars(kind))
    if owner not in _watched:
        _watched.add(owner)
        owner.connect_session = _asking(owner.connect_session)  # type: ignore[attr-defined]
    _recorders.append(recorder)


def _asking(original: Connect) -> Connect:
    @wraps(original)
    @asynccontextmanager
    async def connect_session(
        transport: ClientTransport, *, transport_options: TransportOptions | None = None, **kwargs: Any
    ) -> AsyncIterator[ClientSession]:
        for recorder in [recorder for recorder in _recorders if recorder.watches(transport)]:
            transport_options = transport_options or TransportOptions()
            session_class = _recorded(transport_options.session_class, recorder)
            transport_options = replace(transport_options, session_class=session_class)
        options = {} if transport_options is None else {"transport_options": transport_options}
        async with original(transport, **options, **kwargs) as session:
            yield session

    return connect_session


def _transport_of(target: object) -> ClientTransport:
    if isinstance(target, Client):
        return cast(ClientTransport, target.transport)
    return cast(ClientTransport, infer_transport(cast(Any, target)))


def _address(transport: ClientTransport) -> tuple[object, ...]:
    """What a transport leads to: equal for two transports to the same server."""
    if isinstance(transport, StdioTransport):
        return (transport.command, *transport.args)
    if isinstance(transport, MCPConfigTransport):
        return (transport.config.model_dump_json(),)
    for name in ("server", "url"):
        if (found := getattr(transport, name, None)) is not None:
            return (name, found if name == "url" else id(found))
    return (id(transport),)


def _recorded(session_class: type[ClientSession], recorder: trace) -> type[ClientSession]:
    """The session class with its two streams tapped; the SDK takes the class, not a hook."""

    class RecordedSession(session_class):  # type: ignore[misc,valid-type]
        def __init__(
            self, read_stream: Any = None, write_stream: Any = None, *args: Any, **kwargs: Any
        ) -> None:
            if read_stream is not None:
                recorder._sessions += 1
                tap = _Tap(recorder, recorder._sessions)
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
