"""Questions of the server as forms: accept, decline, cancel; and for sampling, the person as the model."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from mcp_workbench.panel import shown
from mcp_workbench.panel.form import Form, FormError
from mcp_workbench.panel.questions import CANCEL, DECLINE, Question, accepted
from mcp_workbench.panel.runner import button


class Asking:
    """The open questions, above the tabs, each in a box of its own."""

    def __init__(self) -> None:
        self.widget = ipywidgets.VBox()
        self._boxes: list[tuple[Question, ipywidgets.Widget]] = []

    def show(self, questions: list[Question]) -> None:
        """Show these; a box that is half filled in stays as it is."""
        kept = [(question, box) for question, box in self._boxes if question in questions]
        known = [question for question, _ in kept]
        self._boxes = kept + [(question, _box(question)) for question in questions if question not in known]
        self.widget.children = [box for _, box in self._boxes]


def _box(question: Question) -> ipywidgets.Widget:
    makers = {"form": _form, "url": _address, "sampling": _sampling}
    box = ipywidgets.VBox(makers[question.kind](question))
    box.add_class("mcp-question")
    return box


def _form(question: Question) -> list[ipywidgets.Widget]:
    form = Form(question.schema)
    said = ipywidgets.HTML()

    def accept() -> None:
        try:
            question.reply(accepted(form.get()))
        except FormError as error:
            said.value = shown.error(error)

    return [_heading("The server asks", question.message), form.widget, said, _answers(question, accept)]


def _address(question: Question) -> list[ipywidgets.Widget]:
    """An address is shown before it is opened, and opened by the person alone."""
    url = question.url
    shown_url = f"<p><code>{escape(url)}</code></p>"
    if url.startswith(("https://", "http://")):
        shown_url += (
            f"<p><a href='{escape(url, quote=True)}' target='_blank' rel='noopener noreferrer'>"
            "Open it in a new tab</a>, then come back and accept.</p>"
        )
    page = ipywidgets.HTML(shown_url)
    return [
        _heading("The server asks you to open a page", question.message),
        page,
        _answers(question, lambda: question.reply(accepted(None))),
    ]


def _sampling(question: Question) -> list[ipywidgets.Widget]:
    params: Any = question.params
    said = "".join(f"<p><b>{m.role}</b></p>{shown.block(m.content)}" for m in params.messages)
    system = f"<p><b>system</b></p>{shown.pre(params.system_prompt)}" if params.system_prompt else ""
    box = ipywidgets.Textarea(
        description="answer", placeholder="you are the model", rows=4, layout={"width": "min(480px, 98%)"}
    )
    box.add_class("mcp-sampling")
    send = button("Send", "answer for the model", "accept", button_style="primary")
    refuse = button("Refuse", "give no answer: the server gets an error", "decline")
    send.on_click(lambda _: question.reply(box.value))
    refuse.on_click(lambda _: question.reply(None))
    limit = f"at most {params.max_tokens} tokens"
    return [
        _heading("The server asks for a completion", limit),
        ipywidgets.HTML(system + said),
        box,
        ipywidgets.HBox([send, refuse]),
    ]


def _heading(text: str, message: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(f"<div role='alert'><b>{text}</b> {escape(message)}</div>")


def _answers(question: Question, accept: Callable[[], None]) -> ipywidgets.Widget:
    yes = button("Accept", "send this answer", "accept", button_style="primary")
    no = button("Decline", "say no", "decline")
    give_up = button("Cancel", "answer neither yes nor no", "give-up")
    yes.on_click(lambda _: accept())
    no.on_click(lambda _: question.reply(DECLINE))
    give_up.on_click(lambda _: question.reply(CANCEL))
    return ipywidgets.HBox([yes, no, give_up])
