"""Serve an ASGI application on loopback, in the event loop that is running."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from mcp_workbench.errors import WorkbenchError

HOST = "127.0.0.1"
LAST_WORDS = 2  # seconds that an open stream has, when the block ends, before its task is cancelled


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago.

    For a server that must know its address before it starts, such as one whose OAuth `base_url` is part of
    what it signs; where nothing needs the number, let `serve` choose, for that cannot be overtaken.

    >>> port = free_port()
    >>> auth = OAuthProxy(..., base_url=f"http://127.0.0.1:{port}")
    """
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def serve(app: Any, *, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI application for as long as the block runs, and give its address.

    The socket is bound here and handed over, so that nobody else can take the port in between. The end is
    graceful: requests are answered, the lifespan is left; only a stream that a client still holds open after
    two seconds is cancelled.

    Args:
        app: What `FastMCP.http_app()`, `FastAPI()` or `Starlette()` give, or any ASGI 3 callable.
        port: A port of 127.0.0.1, for a server that starts again where it was; 0 lets the system choose.

    Raises:
        WorkbenchError: The port is taken, or the application's lifespan failed. The lifespan's own exception
            is its `__cause__`.

    >>> async with serve(mcp.http_app()) as address, Client(f"{address}/mcp") as client:
    ...     await client.list_tools()

    Source: https://uvicorn.dev/#programmatic-usage and https://asgi.readthedocs.io/en/latest/specs/lifespan.html
    """
    watched = _Watched(app)
    listener = _bind(port)
    try:
        server = _Server(
            uvicorn.Config(
                watched,
                access_log=False,
                log_config=None,  # the default one rewrites the logging of the whole process
                log_level="critical",
                timeout_graceful_shutdown=LAST_WORDS,
                ws="none",
            )
        )
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.decided.wait()
        except BaseException:  # whoever waits was cancelled: the lifespan must not outlive that
            running.cancel()
            raise
        if not server.started:
            await running
            raise WorkbenchError(
                f"the application did not start: its lifespan raised {watched.reason}"
            ) from watched.error
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running
        if watched.error is not None:
            raise WorkbenchError(
                f"the application was served, and then its lifespan raised {watched.reason}"
            ) from watched.error
    finally:
        listener.close()


def _bind(port: int) -> socket.socket:
    listener = socket.socket()
    if os.name == "posix":  # elsewhere this lets two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # asyncio sets it only for sockets of its own: without it, some answers wait 40 milliseconds.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise WorkbenchError(
            f"port {port} of {HOST} cannot be had ({error.strerror}): another server has it. "
            "End that one, or leave `port` out and let the system choose"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server, as a guest in somebody else's event loop and process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.decided = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave Ctrl+C to the kernel or test that we are in."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, or say that it failed: `SystemExit` in a task would end the whole event loop."""
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True
        finally:
            self.decided.set()


class _Watched:
    """The application, and what its lifespan raised: uvicorn would only log that."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.error: BaseException | None = None
        self.answered = False

    @property
    def reason(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def heard(message: Any) -> None:
            self.answered = True
            await send(message)

        try:
            await self.app(scope, receive, heard)
        except BaseException as error:
            if self.answered:  # else it has no lifespan, and this is how ASGI says so
                self.error = error
            raise
