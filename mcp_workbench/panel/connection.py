"""A client on a server, as the panel needs one: opened again in another era, and listening to everything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types
from fastmcp import Client
from fastmcp.client.transports import infer_transport
from mcp.client.subscriptions import listen

from mcp_workbench.eras import HANDSHAKE, Mode
from mcp_workbench.panel.questions import Asker, Question
from mcp_workbench.tracing import Message, trace


@dataclass(frozen=True, slots=True)
class Offered:
    """What a server lists, each as the SDK has it."""

    tools: tuple[mcp_types.Tool, ...] = ()
    resources: tuple[mcp_types.Resource, ...] = ()
    templates: tuple[mcp_types.ResourceTemplate, ...] = ()
    prompts: tuple[mcp_types.Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """Who is told of what: the panel's ears, all called in the kernel's loop."""

    changed: Callable[[], None]
    log: Callable[[str, str], None]
    updated: Callable[[str], None]
    message: Callable[[Message], None]
    questions: Callable[[list[Question]], None]


@dataclass
class Connection:
    """A client that is open, or says why it is not.

    `failure` is the reason in a line, "" while it is connected.
    """

    server: Any
    mode: Mode
    answers: Mapping[str, Any] | None
    heard: Heard
    client: Client[Any] | None = None
    offered: Offered = Offered()
    failure: str = "not connected"
    _followed: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.asker = Asker(self.answers, self.heard.questions, self.heard.log)
        self.trace = trace(self.server, self.heard.message)

    async def open(self) -> None:
        """Open a client in the present era, in the place of the one before; a failure is kept, not raised."""
        await self.close()
        transport = infer_transport(self.server)
        self.trace.watch(transport)
        client: Client[Any] = Client(
            transport,
            mode=self.mode,
            elicitation_handler=self.asker.elicit,
            sampling_handler=self.asker.sample,
            log_handler=self._logged,
            message_handler=self._notified,
            cache=False,  # what was revised a moment ago must be seen
        )
        self.trace.__enter__()
        try:
            await client.__aenter__()  # type: ignore[no-untyped-call]
        except Exception as error:
            self.trace.__exit__()
            self.failure = f"{type(error).__name__}: {error}"
            return
        self.client, self.failure = client, ""
        await self.refresh()

    async def close(self) -> None:
        """Close the client, also one whose server has died."""
        client, self.client = self.client, None
        self.failure = "not connected"
        for task in self._followed.values():
            task.cancel()
        self._followed.clear()
        for question in list(self.asker.open):
            question.reply(None)
        if client is not None:
            with contextlib.suppress(Exception):
                await client.__aexit__(None, None, None)  # type: ignore[no-untyped-call]
            with contextlib.suppress(Exception):
                await client.transport.close()
            self.trace.__exit__()

    async def refresh(self) -> bool:
        """List all again; says whether anything is other than before."""
        client = self._client()
        can = client.server_capabilities
        before = self.offered
        self.offered = Offered(
            tuple(await client.list_tools()) if can and can.tools else (),
            tuple(await client.list_resources()) if can and can.resources else (),
            tuple(await client.list_resource_templates()) if can and can.resources else (),
            tuple(await client.list_prompts()) if can and can.prompts else (),
        )
        return self.offered != before

    async def call(
        self, name: str, arguments: dict[str, Any], progress: Callable[..., Any] | None = None
    ) -> mcp_types.CallToolResult:
        """Call a tool. An error that the tool reports is a result; one of the protocol is raised."""
        return await self._client().call_tool_mcp(name, arguments, progress_handler=progress)

    async def read(self, uri: str) -> list[Any]:
        """Read a resource: its contents, text or bytes in Base64."""
        return list((await self._client().read_resource_mcp(uri)).contents)

    async def get(self, name: str, arguments: dict[str, str]) -> mcp_types.GetPromptResult:
        """Get a prompt's messages."""
        return await self._client().get_prompt_mcp(name, arguments)

    async def complete(self, ref: Any, name: str, value: str, others: Mapping[str, str]) -> list[str]:
        """What the server suggests for an argument, given the others; nothing where it cannot."""
        client = self._client()
        if client.server_capabilities is None or client.server_capabilities.completions is None:
            return []
        found = await client.complete(
            ref, {"name": name, "value": value}, context_arguments=dict(others) or None
        )
        return list(found.values)

    @property
    def era(self) -> str:
        """The protocol's version and the name of its era."""
        client = self._client()
        return (
            f"{client.protocol_version}, {'sessionless' if client.initialize_result is None else 'handshake'}"
        )

    @property
    def can_subscribe(self) -> bool:
        """Does the server announce changes of single resources?"""
        can = self.client.server_capabilities if self.client else None
        return bool(can and can.resources and can.resources.subscribe)

    async def subscribe(self, uri: str) -> None:
        """Hear of changes of a resource: by a request before 2026-07-28, by a stream since then."""
        session = self._client().session
        if self.mode == HANDSHAKE:
            await session.subscribe_resource(uri)
            self._followed[uri] = asyncio.create_task(asyncio.sleep(0))
            return
        acknowledged = asyncio.get_running_loop().create_future()

        async def follow() -> None:
            try:
                async with listen(session, resource_subscriptions=[uri]) as changes:
                    acknowledged.set_result(None)
                    async for _ in changes:
                        pass  # each is a notification too, which _notified hears
            except Exception as error:
                if acknowledged.done():
                    self.heard.log("error", f"subscription of {uri}: {error}")
                else:
                    acknowledged.set_exception(error)

        following = asyncio.create_task(follow())
        await acknowledged
        self._followed[uri] = following

    async def unsubscribe(self, uri: str) -> None:
        """Hear of them no more."""
        self._followed.pop(uri).cancel()
        if self.mode == HANDSHAKE:
            await self._client().session.unsubscribe_resource(uri)

    @property
    def subscribed(self) -> frozenset[str]:
        """The resources whose changes are heard of."""
        return frozenset(self._followed)

    def _client(self) -> Client[Any]:
        if self.client is None:
            raise ConnectionError(f"No connection ({self.failure}). Press Reconnect.")
        return self.client

    async def _logged(self, message: Any) -> None:
        data = message.data
        text = data.get("msg", data) if isinstance(data, dict) else data
        self.heard.log(message.level, str(text))

    async def _notified(self, message: Any) -> None:
        if isinstance(message, mcp_types.ResourceUpdatedNotification):
            self.heard.updated(str(message.params.uri))
        elif isinstance(
            message,
            mcp_types.ToolListChangedNotification
            | mcp_types.ResourceListChangedNotification
            | mcp_types.PromptListChangedNotification,
        ):
            self.heard.changed()
