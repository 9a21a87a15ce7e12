"""Judge an answer: a real client looks at the learner's server, and says what it saw.

A checker is an async function of a `Lab`. It returns when all is well, and else raises: `NotTried` where
there is nothing to judge yet, `NotYet` with one sentence for the learner. It sees what a client sees, never
the code.

    @exercise("01.1", then="Give it a title, and say in its annotations that it may be repeated.")
    async def renew(lab: Lab) -> None:
        tool = await lab.tool("renew")
        lab.expect(tool.description, "the client sees no description of renew: add a docstring")
        said = await lab.refused("renew", copy_id="nowhere")
        lab.expect("nowhere" in said, f"the refusal does not name the copy: {said}")
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal, NoReturn

from mcp_workbench.eras import ERAS
from mcp_workbench.errors import WorkbenchError

Status = Literal["TODO", "NOT YET", "PASS", "ERROR"]
SECONDS = 15  # far above what an answer takes (0.1), below a learner's patience
GRACE = 2  # for a cancelled check to clean up


class NotTried(Exception):  # noqa: N818  # an outcome, no error
    """There is nothing to judge yet; the text says what the client looked for."""


class NotYet(Exception):  # noqa: N818
    """Something is there and is not right; the text says what the client saw, in one sentence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of an answer: the exercise, one of four words, and a sentence."""

    exercise: str
    status: Status
    sentence: str


@dataclass(frozen=True, slots=True)
class Lab:
    """The learner's server, with a client on it, in one protocol era.

    Args:
        server: What the learner passed to `check`, a FastMCP server.
        client: A connected `fastmcp.Client`.
        era: "sessionless" or "handshake".
    """

    server: Any
    client: Any
    era: str

    async def tool(self, name: str) -> Any:
        """The tool as the client lists it.

        Raises:
            NotTried: There is none of this name.
        """
        tools = {tool.name: tool for tool in await self.client.list_tools()}
        return tools.get(name) or self._missing("tool", name, tools)

    async def resource(self, uri: str) -> Any:
        """The resource as the client lists it; `NotTried` where there is none at this address."""
        resources = {str(resource.uri): resource for resource in await self.client.list_resources()}
        return resources.get(uri) or self._missing("resource", uri, resources)

    async def template(self, uri_template: str) -> Any:
        """The resource template as the client lists it; `NotTried` where there is none of this form."""
        templates = {item.uri_template: item for item in await self.client.list_resource_templates()}
        return templates.get(uri_template) or self._missing("resource template", uri_template, templates)

    async def prompt(self, name: str) -> Any:
        """The prompt as the client lists it; `NotTried` where there is none of this name."""
        prompts = {prompt.name: prompt for prompt in await self.client.list_prompts()}
        return prompts.get(name) or self._missing("prompt", name, prompts)

    def _missing(self, kind: str, name: str, others: Mapping[str, Any]) -> NoReturn:
        if others:
            raise NotTried(f"no {kind} `{name}` on this server yet; it has {', '.join(map(repr, others))}")
        raise NotTried(f"no {kind} `{name}` on this server yet")

    def expect(self, condition: object, sentence: str) -> None:
        """Go on if the condition holds.

        Raises:
            NotYet: It does not; the sentence is what the learner reads.
        """
        if not condition:
            raise NotYet(sentence)

    async def call(self, tool: str, **arguments: Any) -> Any:
        """The tool's result (`.data`, `.structured_content`, `.content`).

        Raises:
            NotYet: The tool answered with an error.
        """
        result, said = await self._try(tool, arguments)
        self.expect(result, f"{shown(tool, arguments)} answers with an error: {said}")
        return result

    async def refused(self, tool: str, **arguments: Any) -> str:
        """What the tool says when it refuses these arguments.

        Raises:
            NotYet: It took them.
        """
        result, said = await self._try(tool, arguments)
        self.expect(not result, f"{shown(tool, arguments)} must be refused, and answers: {said}")
        return said

    async def answer(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Is the call refused, and what is said?"""
        result, said = await self._try(tool, arguments)
        return not result, said

    async def _try(self, tool: str, arguments: Mapping[str, Any]) -> tuple[Any, str]:
        """The result or None, and its text: middleware may refuse with an error of the protocol."""
        from mcp import MCPError

        try:
            result = await self.client.call_tool(tool, dict(arguments), raise_on_error=False)
        except (MCPError, RuntimeError) as error:  # RuntimeError: announced structured content is missing
            return None, str(error)
        return None if result.is_error else result, text_of(result)

    async def read(self, uri: str) -> list[Any]:
        """What is read at an address: text and blob contents, with their mime types.

        Raises:
            NotYet: It cannot be read.
        """
        try:
            contents: list[Any] = await self.client.read_resource(uri)
        except Exception as error:
            raise NotYet(f"reading {uri} fails: {error}") from error
        return contents

    async def unreadable(self, uri: str) -> str:
        """What the client is told when it reads an address that must not be read.

        Raises:
            NotYet: It was read.
        """
        try:
            contents = await self.client.read_resource(uri)
        except Exception as error:
            return str(error)
        raise NotYet(f"reading {uri} must fail, and gives {getattr(contents[0], 'text', contents)!r:.200}")

    async def messages(self, prompt: str, **arguments: str) -> list[Any]:
        """The messages that the prompt gives for these arguments.

        Raises:
            NotYet: It fails.
        """
        try:
            result = await self.client.get_prompt(prompt, arguments)
        except Exception as error:
            raise NotYet(f"{shown(prompt, arguments)} fails: {error}") from error
        messages: list[Any] = result.messages
        return messages

    @asynccontextmanager
    async def with_client(self, **options: Any) -> AsyncIterator[Lab]:
        """The same server and era with another client, such as one with `elicitation_handler=`."""
        async with _client(self.server, self.era, **options) as client:
            yield replace(self, client=client)


def shown(name: str, arguments: Mapping[str, Any]) -> str:
    """A call as it is written.

    >>> shown("lend", {"copy_id": "c1"})
    "lend(copy_id='c1')"
    """
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def text_of(result: Any) -> str:
    """A result's text, its first 300 characters."""
    texts = [getattr(block, "text", type(block).__name__) for block in result.content]
    text = " ".join(texts) or "(nothing)"
    return text if len(text) <= 300 else f"{text[:300]} ..."


Checker = Callable[[Lab], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A checker, one thing to try after it passed, and the eras in which it looks."""

    check: Checker
    then: str
    eras: tuple[str, ...]


_CHECKERS: dict[str, Judged] = {}


def exercise(number: str, *, then: str, eras: tuple[str, ...] = tuple(ERAS)) -> Callable[[Checker], Checker]:
    """Register a checker for an exercise; it looks once in each era.

    Args:
        number: The exercise's number, such as 01.1.
        then: One variation to try, shown with PASS.
        eras: Where to look; both unless the lesson is of one era.
    """

    def register(checker: Checker) -> Checker:
        _CHECKERS[number] = Judged(checker, then, eras)
        return checker

    return register


def checker_of(number: str) -> Judged:
    """The checker of an exercise.

    Raises:
        WorkbenchError: The package knows no such exercise.
    """
    chapter = number.partition(".")[0]
    try:
        import_module(f"mcp_workbench.course.checks.chapter_{chapter}")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("mcp_workbench.course.checks."):
            raise
    if number not in _CHECKERS:
        raise WorkbenchError(f"there is no checker for exercise {number}.")
    return _CHECKERS[number]


async def judge(number: str, server: Any) -> Verdict:
    """Judge an answer in the running event loop.

    Args:
        number: The exercise's number, such as 01.1.
        server: The learner's FastMCP server.

    Returns:
        The verdict; whatever the learner's server does, nothing is raised.

    Raises:
        WorkbenchError: The package knows no such exercise.

    >>> (await judge("01.1", lab)).status
    'PASS'
    """
    judged = checker_of(number)
    from fastmcp import FastMCP

    if not isinstance(server, FastMCP):
        said = (
            f'check takes your server, as in check("{number}", lab), and was given {type(server).__name__}.'
        )
        return Verdict(number, "ERROR", said)
    for era in judged.eras:
        verdict = await _judge_in(era, number, judged.check, server)
        if verdict.status != "PASS":
            return verdict
    return verdict


async def _judge_in(era: str, number: str, check: Checker, server: Any) -> Verdict:
    seen = "" if era == "sessionless" else "in the handshake era, "
    try:
        async with asyncio.timeout(SECONDS), _client(server, era) as client:
            await check(Lab(server, client, era))
    except TimeoutError:
        return Verdict(number, "ERROR", _no_answer())
    except NotTried as error:
        return Verdict(number, "TODO", str(error))
    except NotYet as error:
        return Verdict(number, "NOT YET", f"{seen}{error}")
    except Exception as error:
        return Verdict(number, "ERROR", f"{seen}{type(error).__name__}: {_deepest(error)}")
    return Verdict(number, "PASS", "")


def _client(server: Any, era: str, **options: Any) -> Any:
    from fastmcp import Client

    return Client(server, mode=ERAS[era], **options)


def _deepest(error: BaseException) -> BaseException:
    """The cause, where a group of one only wraps it."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _no_answer() -> str:
    return (
        f"the server did not answer within {SECONDS} seconds. Is an `async with Client(lab)` still open in "
        "another cell, or does a tool wait for something of this notebook's event loop? Close the client, or "
        "use `await acheck(...)`."
    )


def judge_apart(number: str, server: Any) -> Verdict:
    """Judge an answer in a thread with an event loop of its own, so that no `await` can be forgotten.

    The thread is a daemon: a tool that never returns costs its thread, not the notebook.
    """
    checker_of(number)  # an unknown exercise is said before a thread is started
    made: list[Verdict | BaseException] = []

    def work() -> None:
        try:
            made.append(asyncio.run(judge(number, server)))
        except BaseException as error:  # handed to the caller, below
            made.append(error)

    thread = threading.Thread(target=work, name=f"check {number}", daemon=True)
    thread.start()
    thread.join(len(ERAS) * (SECONDS + GRACE))
    if not made:
        return Verdict(number, "ERROR", _no_answer())
    if isinstance(made[0], BaseException):
        raise made[0]
    return made[0]
