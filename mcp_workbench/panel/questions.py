"""What a server asks of the person, and who answers: a person in the panel, a script, or nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fastmcp.client.elicitation import ElicitResult

Kind = Literal["form", "url", "sampling"]
Answer = ElicitResult[dict[str, Any]]
DECLINE, CANCEL = Answer(action="decline"), Answer(action="cancel")


@dataclass(frozen=True, slots=True)
class Question:
    """An elicitation (a form or an address to open) or a sampling request, and where its answer goes.

    Args:
        kind: form, url or sampling.
        message: What is asked; of sampling, the last message.
        schema: The JSON Schema of a form's answer.
        url: The address to open.
        params: The whole request, as the SDK has it.
        answer: Is set to an ElicitResult, or of sampling to the text (None refuses).
    """

    kind: Kind
    message: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    params: Any = None
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def reply(self, answer: Any) -> None:
        """Answer, unless it was answered or given up before."""

        def set_it() -> None:
            if not self.answer.done():
                self.answer.set_result(answer)

        self.answer.get_loop().call_soon_threadsafe(set_it)  # a widget may call back in another thread


def person_is_there() -> bool:
    """Can somebody see the panel and answer? Jupyter's server and VS Code say so in the kernel's environment.

    nbclient, with which nbmake, nbconvert and `demo` run notebooks, does not.
    """
    return any(os.environ.get(name) for name in ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG"))


class Asker:
    """Gives each question to a script of answers, to the person, or else cancels it; never waits for nobody.

    Args:
        answers: To a question's message, or a part of it, its answer: a dict accepts with this content, a
            text answers a sampling request or a form of one field, an ElicitResult is taken as it is.
        show: Is called with a question that a person is to answer, and again when it is over.
        log: Is told what was cancelled.
    """

    def __init__(
        self,
        answers: Mapping[str, Any] | None,
        show: Callable[[list[Question]], None],
        log: Callable[[str, str], None],
    ) -> None:
        self.answers = answers
        self.open: list[Question] = []
        self._show = show
        self._log = log

    async def elicit(self, message: str, _type: object, params: Any, _context: object) -> Answer:
        """FastMCP's elicitation handler."""
        url = getattr(params, "url", None)
        schema = getattr(params, "requested_schema", None) or {}
        found = await self._ask(Question("url" if url else "form", message, schema, url or "", params))
        return found if isinstance(found, ElicitResult) else CANCEL

    async def sample(self, messages: list[Any], params: Any, _context: object) -> str:
        """FastMCP's sampling handler: the person is the model."""
        said = [getattr(message.content, "text", "") for message in messages]
        found = await self._ask(Question("sampling", said[-1] if said else "", params=params))
        if not isinstance(found, str):
            raise ValueError("The person refused to answer for the model.")
        return found

    async def _ask(self, question: Question) -> Any:
        if self.answers is not None:
            return self._scripted(question, self.answers)
        if not person_is_there():
            self._log("warning", f"nobody is here to answer {question.message!r}: cancelled; see answers=")
            return None
        self.open.append(question)
        self._show(self.open)
        try:
            return await question.answer
        finally:
            self.open.remove(question)
            self._show(self.open)

    def _scripted(self, question: Question, answers: Mapping[str, Any]) -> Any:
        message = question.message
        keys = [message] if message in answers else [key for key in answers if key in message]
        if not keys:
            self._log("warning", f"answers has none for {message!r}: cancelled")
            return None
        found = answers[keys[0]]
        if question.kind == "sampling" or isinstance(found, ElicitResult):
            return found
        names = list(question.schema.get("properties", {}))
        if not isinstance(found, dict) and question.kind == "form" and len(names) == 1:
            found = {names[0]: found}
        return accepted(found if isinstance(found, dict) else None)


def accepted(content: dict[str, Any] | None) -> Answer:
    """An answer that accepts, with what the form holds."""
    return Answer(action="accept", content=content)
