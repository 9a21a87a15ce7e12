"""inspector: the panel without a browser, on real servers in both eras, and in a kernel without a person."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest
from conftest import notebook_of
from fastmcp import Context, FastMCP
from fastmcp.client.elicitation import ElicitResult
from fastmcp.utilities.types import Audio, File, Image
from fastmcp_tasks import TasksExtension
from ipywidgets.widgets.widget import _instances as widgets
from mcp.server.mcpserver import Context as SDKContext
from mcp.server.mcpserver import MCPServer
from mcp.types import EmptyResult, SubscribeRequestParams, ToolAnnotations, UnsubscribeRequestParams
from nbclient import NotebookClient
from nbformat import from_dict
from serving import WAYS, Way, new_desk, rows

from mcp_workbench import inspector
from mcp_workbench.forking import ASK
from mcp_workbench.panel.form import FormError
from mcp_workbench.panel.inspector import Inspector
from mcp_workbench.services import serve

Mode = Literal["auto", "legacy"]
LEAGUES = "verne-vingt-mille-lieues"
SHELF = next(row["shelf"] for row in rows("copies") if row["branch"] == "Leith")
BOTH_ERAS = pytest.mark.parametrize("mode", ["auto", "legacy"])
# To a question of the desk, or a part of it, what is answered.
ANSWERS: dict[str, Any] = {
    "your data": ElicitResult(action="accept"),
    "Who are you?": {"name": "Ada", "email": "ada@desk.example"},
    "Where will you collect": "Leith",
    "Which of these": ["sea"],
    "A shelf card": "Captain Nemo goes down.",
}
CALLS: dict[str, dict[str, Any]] = {
    "opening_hours": {"branch": "Leith"},
    "find_books": {"words": "verne", "years": {"first": 1860}, "on_shelf_at": "Leith", "limit": 2},
    "where_is": {"book_id": LEAGUES},
    "lend": {"book_id": "verne-tour-du-monde", "patron_id": "p001", "branch": "Leith"},
    "take_back": {"copy_id": "c0001"},
    "chart_decades": {"language": "French"},
    "reserve": {"book_id": LEAGUES, "patron_id": "p001"},
    "register": {},
    "suggest": {"branch": "Leith"},
    "check_shelves": {"branch": "Leith"},
    "shelf_card": {"book_id": LEAGUES},
    "create_session": {},
    "set_aside": {"book_id": LEAGUES},
    "books_set_aside": {},
    "put_back": {"book_id": LEAGUES},
    "end_session": {},
}
ARGUMENTS: dict[str, dict[str, str]] = {
    "book://{book_id}": {"book_id": LEAGUES},
    "shelf://{branch}/{shelf}": {"branch": "Leith", "shelf": SHELF},
    "catalogue://search{?words,language,limit}": {"words": "sea", "limit": "2"},
    "file://reading-lists/{path*}": {"path": "first-chapter-books.md"},
    "recommend": {"subject": "sea"},
    "reading_group": {"book_id": LEAGUES},
}


async def until(true: Callable[[], Any]) -> Any:
    """Wait for what another task brings about."""
    async with asyncio.timeout(20):
        while not (found := true()):  # noqa: ASYNC110  # widgets have no event to wait for
            await asyncio.sleep(0.01)
    return found


async def settled(panel: Inspector) -> None:
    """Wait until the panel has done what it was told."""
    await asyncio.sleep(0)
    await until(lambda: not panel._tasks)


async def press(panel: Inspector, button: Any) -> None:
    button.click()
    await asyncio.sleep(0.01)
    await settled(panel)


@asynccontextmanager
async def opened(server: Any, **options: Any) -> AsyncIterator[Inspector]:
    panel = await inspector(server, **options)
    try:
        yield panel
    finally:
        await panel.close()


def shown(panel: Inspector) -> str:
    assert panel._tools.runner
    text: str = panel._tools.runner.result.value
    return text


def said(panel: Inspector) -> str:
    assert panel._tools.runner
    text: str = panel._tools.runner.said.value
    return text


# The desk --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_everything_of_the_desk_can_be_used(way: Way, tmp_path: Path) -> None:
    """Each tool by its form, each resource and template by its address, each prompt by its arguments."""
    with new_desk(way, tmp_path) as client:
        async with opened(client.transport, mode=way.mode, answers=ANSWERS) as panel:
            assert panel.connection.failure == ""
            assert way.era in panel.connection.era
            offered = panel.connection.offered
            assert {tool.name for tool in offered.tools} == set(CALLS)
            session = {}
            for name, arguments in CALLS.items():
                needs = next(t for t in offered.tools if t.name == name).input_schema.get("required", [])
                given = arguments | (session if "session_id" in needs else {})
                if name == "take_back":
                    given = {"copy_id": (await on_loan(panel))}
                result = await panel.call(name, given)
                assert not result.is_error, (name, shown(panel))
                assert "Done in" in said(panel)
                if name == "create_session":
                    session = {"session_id": result.structured_content["result"]}
            addresses = [*offered.resources, *offered.templates]
            for tab, kinds in ((panel._resources, addresses), (panel._prompts, offered.prompts)):
                for item in kinds:
                    key = str(getattr(item, "uri", None) or getattr(item, "uri_template", None) or item.name)
                    tab.picker.pick(key)
                    assert tab.arguments
                    assert tab.runner
                    for argument, value in ARGUMENTS.get(key, {}).items():
                        tab.arguments.boxes[argument].value = value
                    await press(panel, tab.runner.run)
                    assert "Done in" in tab.runner.said.value, (key, tab.runner.result.value)
                    assert len(tab.runner.result.value) > 40


async def on_loan(panel: Inspector) -> str:
    found = await panel.call("where_is", {"book_id": LEAGUES})
    copy: str = found.structured_content["on_loan"][0]["copy_id"]
    return copy


# A lab -----------------------------------------------------------------------------------------------


def laboratory() -> FastMCP:
    lab = FastMCP("lab", version="1")

    @lab.tool(tags={"sums"}, annotations=ToolAnnotations(read_only_hint=True, destructive_hint=False))
    def add(a: int, b: int = 1) -> int:
        """Add <b>two</b> numbers."""
        return a + b

    @lab.tool
    async def slow(ctx: Context) -> str:
        await ctx.report_progress(1, 4, "a quarter")
        await asyncio.Event().wait()
        return ""

    @lab.tool
    async def hello(ctx: Context) -> str:
        await ctx.warning("hot")
        await ctx.debug("cold")
        return "hello"

    @lab.tool
    def media(kind: Literal["image", "audio", "file", "script", "much"]) -> Any:
        return {
            "image": Image(data=b"abc", format="png"),
            "audio": Audio(data=b"abc", format="wav"),
            "file": File(data=b"abc", format="pdf", name="a"),
            "script": "<script>alert(1)</script>",
            "much": "x" * 5_000_000,
        }[kind]

    @lab.tool
    def fail() -> str:
        raise ValueError("on purpose")

    @lab.resource("lab://note")
    def note() -> str:
        return "a note"

    @lab.prompt
    def poem(theme: str, tone: str = "sad") -> str:
        return f"{theme}, {tone}"

    @lab.completion
    def complete(ref: Any, argument: Any, context: Any) -> list[str]:
        known = (context.arguments or {}) if context else {}
        return [f"{argument.value}-{word}" for word in ("one", *known.values())]

    return lab


@BOTH_ERAS
async def test_a_form_is_sent_and_its_result_shown(mode: Mode) -> None:
    async with opened(laboratory(), mode=mode) as panel:
        panel._tools.picker.pick("add")
        form, runner = panel._tools.form, panel._tools.runner
        assert form
        assert runner
        about = panel._tools.picker.detail.children[0].value
        assert "Add &lt;b&gt;two&lt;/b&gt; numbers." in about
        assert "tag sums, only reads, destroys nothing" in about
        form.set({"a": 2})
        await press(panel, runner.run)
        assert "3" in shown(panel)
        form.set({"a": "x"})
        await press(panel, runner.run)
        assert "valid integer" in shown(panel)
        form.set({"a": 5, "b": 5})
        await press(panel, runner.again)
        assert "valid integer" in shown(panel)
        await press(panel, runner.run)
        assert panel.result.structured_content == {"result": 10}
        runner.show_code()
        assert 'await client.call_tool("add", {"a": 5, "b": 5})' in unescape(runner.python.value)
        sent = [m.body["arguments"] for m in panel.trace if m.method == "tools/call" and not m.answers]
        assert sent == [{"a": 2}, {"a": "x"}, {"a": "x"}, {"a": 5, "b": 5}]


async def test_a_wrong_argument_of_a_call_by_code() -> None:
    async with opened(laboratory()) as panel:
        with pytest.raises(FormError, match="no such field: c"):
            await panel.call("add", {"c": 1})


@BOTH_ERAS
async def test_progress_and_cancel(mode: Mode) -> None:
    """The server is told that the call is cancelled; the next one works."""
    async with opened(laboratory(), mode=mode) as panel:
        panel._tools.picker.pick("slow")
        runner = panel._tools.runner
        assert runner
        runner.run.click()
        await until(lambda: "1 of 4 a quarter" in runner.said.value)
        assert (runner.bar.value, runner.bar.max, runner.run.disabled) == (1, 4, True)
        runner.run.click()  # does nothing while one is on its way
        runner.stop.click()
        await until(lambda: "Cancelled after" in runner.said.value)
        assert [m.kind for m in panel.trace if m.method == "notifications/cancelled"] == ["notification"]
        assert len([m for m in panel.trace if m.method == "tools/call" and m.kind == "request"]) == 1
        assert (await panel.call("add", {"a": 1})).structured_content == {"result": 2}


@BOTH_ERAS
async def test_results_of_every_kind(mode: Mode) -> None:
    async with opened(laboratory(), mode=mode) as panel:
        expected = {
            "image": "<img class='mcp-image' src='data:image/png;base64,YWJj'",
            "audio": "<audio controls src='data:audio/",
            "file": "application/pdf, 3 bytes",
            "script": "&lt;script&gt;alert(1)&lt;/script&gt;",
            "much": "4,980,000 more characters: panel.result has them all",
        }
        for kind, text in expected.items():
            await panel.call("media", {"kind": kind})
            assert text in shown(panel)
            assert len(shown(panel)) < 60_000
        assert len(panel.result.content[0].text) == 5_000_000
        await panel.call("fail")
        assert "The tool answered with an error" in shown(panel)
        assert "on purpose" in shown(panel)


@BOTH_ERAS
async def test_the_log_by_level(mode: Mode) -> None:
    async with opened(laboratory(), mode=mode) as panel:
        await panel.call("hello")
        await until(lambda: len(panel._log.lines) == 2)
        assert panel._log.lines == [("warning", "hot"), ("debug", "cold")]
        panel._log.level.value = "warning"
        assert "hot" in panel._log.shown.value
        assert "cold" not in panel._log.shown.value


@BOTH_ERAS
async def test_completion_knows_the_other_arguments(mode: Mode) -> None:
    async with opened(laboratory(), mode=mode) as panel:
        panel._prompts.picker.pick("poem")
        assert panel._prompts.arguments
        boxes = panel._prompts.arguments.boxes
        boxes["theme"].value = "sea"
        await settled(panel)
        boxes["tone"].value = "g"
        await until(lambda: boxes["tone"].options)
        assert boxes["tone"].options == ("g-one", "g-sea")


async def test_the_era_is_changed_by_hand() -> None:
    async with opened(laboratory()) as panel:
        assert "sessionless" in panel._status.value
        panel._era.value = "legacy"
        await settled(panel)
        assert "2025-11-25, handshake" in panel._status.value
        assert panel.client.initialize_result is not None
        assert (await panel.call("add", {"a": 1})).structured_content == {"result": 2}
        assert {message.session for message in panel.trace} == {1, 2}
        sessionless, handshake = panel.trace.as_python().split("\n\n")
        assert "legacy" in handshake
        assert "legacy" not in sessionless


async def test_json_into_the_form_and_out_of_it() -> None:
    async with opened(laboratory()) as panel:
        panel._tools.picker.pick("add")
        assert panel._tools.form
        box, buttons, note = panel._tools.picker.detail.children[2].children[0].children
        read, fill = buttons.children
        box.value = '{"a": 4, "b": 2}'
        fill.click()
        assert panel._tools.form.get() == {"a": 4, "b": 2}
        for wrong in ("{", "[1]", '{"z": 1}'):
            box.value = wrong
            fill.click()
            assert "mcp-error" in note.value
            assert panel._tools.form.get() == {"a": 4, "b": 2}
        read.click()
        assert json.loads(box.value) == {"a": 4, "b": 2}


# Questions -------------------------------------------------------------------------------------------


def asking() -> FastMCP:
    shop = FastMCP("shop")

    @shop.tool
    async def order(ctx: Context) -> str:
        answer = await ctx.elicit("Which size do you want?", Literal["small", "large"])
        return f"{answer.action} {getattr(answer, 'data', '')}"

    @shop.tool
    async def verse(ctx: Context) -> str:
        from mcp.types import SamplingMessage, TextContent

        message = SamplingMessage(role="user", content=TextContent(type="text", text="Write a verse."))
        answer = await ctx.session.create_message(
            messages=[message], max_tokens=50, related_request_id=ctx.request_id
        )
        return answer.content.text

    return shop


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ({"value": "large"}, "accept large"),
        ("small", "accept small"),
        (ElicitResult(action="decline"), "decline "),
        (None, "cancel "),
    ],
)
async def test_a_scripted_answer(answer: Any, result: str) -> None:
    answers = {} if answer is None else {"Which size": answer}
    async with opened(asking(), mode="legacy", answers=answers) as panel:
        assert (await panel.call("order")).structured_content == {"result": result}
        logged = [text for _, text in panel._log.lines]
        none = ["answers has none for 'Which size do you want?': cancelled"]
        assert logged == (none if answer is None else [])


async def test_without_a_person_and_without_answers_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JPY_SESSION_NAME", "VSCODE_PID"):
        monkeypatch.delenv(name, raising=False)
    async with opened(asking(), mode="legacy") as panel, asyncio.timeout(10):
        assert (await panel.call("order")).structured_content == {"result": "cancel "}
        assert "nobody is here to answer" in panel._log.lines[0][1]


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits before JupyterLab."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/notebooks/a.ipynb")


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize(("button", "result"), [(0, "accept large"), (1, "decline "), (2, "cancel ")])
async def test_a_person_answers(button: int, result: str) -> None:
    async with opened(asking(), mode="legacy") as panel:
        panel._tools.picker.pick("order")
        assert panel._tools.runner
        panel._tools.runner.run.click()
        (box,) = await until(lambda: panel._asking.widget.children)
        heading, form, _, buttons = box.children
        assert "Which size do you want?" in heading.value
        chooser = next(w for w in everything(form) if hasattr(w, "options"))
        chooser.index = [label for label, _ in chooser.options].index("large")
        buttons.children[button].click()
        await settled(panel)
        assert panel.result.structured_content == {"result": result}
        assert panel._asking.widget.children == ()


@pytest.mark.usefixtures("person")
async def test_the_person_is_the_model() -> None:
    async with opened(asking(), mode="legacy") as panel:
        panel._tools.picker.pick("verse")
        assert panel._tools.runner
        panel._tools.runner.run.click()
        (box,) = await until(lambda: panel._asking.widget.children)
        _, told, text, buttons = box.children
        assert "Write a verse." in told.value
        text.value = "The sea, the sea."
        buttons.children[0].click()
        await settled(panel)
        assert panel.result.structured_content == {"result": "The sea, the sea."}


@pytest.mark.usefixtures("person")
async def test_closing_gives_an_open_question_up() -> None:
    panel = await inspector(asking(), mode="legacy")
    panel._tools.picker.pick("order")
    assert panel._tools.runner
    panel._tools.runner.run.click()
    await until(lambda: panel._asking.widget.children)
    async with asyncio.timeout(10):
        await panel.close()
    assert panel._asking.widget.children == ()


def everything(widget: Any) -> list[Any]:
    found = [widget]
    for child in getattr(widget, "children", ()):
        found += everything(child)
    return found


# Changes ---------------------------------------------------------------------------------------------


async def test_a_list_that_the_server_says_has_changed() -> None:
    lab = laboratory()

    @lab.tool(tags={"hidden"})
    def secret() -> str:
        return "found"

    @lab.tool
    async def unlock(ctx: Context) -> str:
        await ctx.enable_components(tags={"hidden"})
        return "unlocked"

    lab.disable(tags={"hidden"})
    async with opened(lab, mode="legacy") as panel:
        assert "secret" not in panel._tools.picker.list.options
        await panel.call("unlock")
        await until(lambda: "secret" in panel._tools.picker.list.options)
        assert panel._tools.picker.list.value == "unlock"


def subscribable() -> MCPServer:
    """The SDK's own server: FastMCP 4.1.2 has no subscriptions."""
    made = MCPServer("notes")

    @made.resource("notes://today")
    def today() -> str:
        return "rain"

    @made.tool()
    async def change(ctx: SDKContext[Any, Any]) -> str:
        await ctx.notify_resource_updated("notes://today")
        return "changed"

    return made


async def test_a_subscription_hears_of_changes_until_it_ends() -> None:
    async with opened(subscribable()) as panel:
        await panel.connection.subscribe("notes://today")
        await panel.call("change")
        await until(lambda: ("info", "changed: notes://today") in panel._log.lines)
        await panel.connection.unsubscribe("notes://today")
        assert panel.connection.subscribed == frozenset()
        await panel.call("change")
        await asyncio.sleep(0.1)
        assert len(panel._log.lines) == 1


async def test_a_subscription_in_the_handshake_era() -> None:
    """There it is a request of its own, and the changes come as notifications."""
    notes, asked = subscribable(), []

    async def subscribe(ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
        asked.append(f"subscribe {params.uri}")
        await ctx.session.send_resource_updated(params.uri)
        return EmptyResult()

    async def unsubscribe(_: Any, params: UnsubscribeRequestParams) -> EmptyResult:
        asked.append(f"unsubscribe {params.uri}")
        return EmptyResult()

    handlers = notes._lowlevel_server
    handlers.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    handlers.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)
    async with opened(notes, mode="legacy") as panel:
        assert panel.connection.can_subscribe
        panel._resources.picker.pick("notes://today")
        button = panel._resources.picker.detail.children[3]
        await press(panel, button)
        assert button.description == "Unsubscribe"
        await until(lambda: ("info", "changed: notes://today") in panel._log.lines)
        await press(panel, button)
        assert button.description == "Subscribe"
        assert asked == ["subscribe notes://today", "unsubscribe notes://today"]


def working() -> FastMCP:
    yard = FastMCP("yard")
    yard.add_extension(TasksExtension())

    @yard.tool(task=True, name="<i>")
    async def odd() -> str:
        return "odd"

    @yard.tool(task=True)
    async def build(ctx: Context, steps: int = 3) -> str:
        for step in range(steps):
            await ctx.report_progress(step, steps, f"step {step}")
            await asyncio.sleep(0.2)
        return f"built in {steps}"

    return yard


async def test_a_task_in_the_background() -> None:
    """The person goes on: another call is made and answered while the task works."""
    async with opened(working()) as panel:
        panel._tools.picker.pick("build")
        start, background = panel._tools.picker.detail.children[4:6]
        assert "mcp-task" in start._dom_classes
        start.click()
        (row,) = await until(lambda: background.children)
        (stop, said), result = row.children[0].children, row.children[1]
        await until(lambda: "build: working step" in said.value)
        assert (await panel.call("build", {"steps": 1})).structured_content == {"result": "built in 1"}
        await until(lambda: "built in 3" in result.value)
        panel._tools.picker.pick("<i>")
        panel._tools.picker.detail.children[4].click()
        (row,) = await until(lambda: panel._tools.picker.detail.children[5].children)
        await until(lambda: "odd" in row.children[1].value)
        assert "&lt;i&gt;: completed" in row.children[0].children[1].value
        assert "build: completed" in said.value
        await until(lambda: stop.disabled)


async def test_a_task_that_is_cancelled() -> None:
    async with opened(working()) as panel:
        panel._tools.picker.pick("build")
        start, background = panel._tools.picker.detail.children[4:6]
        assert panel._tools.form
        panel._tools.form.set({"steps": 1000})
        start.click()
        (row,) = await until(lambda: background.children)
        (stop, said), result = row.children[0].children, row.children[1]
        await until(lambda: "working step" in said.value)
        stop.click()
        await until(lambda: "was cancelled" in result.value)
        assert "build: cancelled" in said.value


async def test_a_server_without_tasks_has_no_such_button() -> None:
    async with opened(laboratory()) as panel:
        panel._tools.picker.pick("add")
        assert not any("mcp-task" in w._dom_classes for w in everything(panel.widget))


# Hard cases ------------------------------------------------------------------------------------------


async def test_two_hundred_tools() -> None:
    """One form is made, not two hundred, and the list is narrowed by what is typed."""
    lab = FastMCP("many")
    for number in range(200):

        def tool(a: int, b: str = "") -> str:
            return b

        lab.tool(tool, name=f"tool_{number}", description=f"Number {number}")
    before = len(widgets)
    async with opened(lab) as panel:
        assert len(panel._tools.picker.list.options) == 200
        assert len(widgets) - before < 400
        panel._tools.picker.pick("tool_1")
        made = len(widgets)
        for number in range(2, 12):
            panel._tools.picker.pick(f"tool_{number}")
        assert len(widgets) <= made + 30  # a form that is left is given back
        panel._tools.picker.find.value = "number 19"
        assert panel._tools.picker.list.options == tuple(f"tool_{n}" for n in range(200) if "19" in str(n))
        panel._tools.picker.find.value = "nothing of that"
        assert panel._tools.picker.list.options == ()
        assert (await panel.call("tool_150", {"a": 1, "b": "x"})).structured_content == {"result": "x"}


async def test_a_server_that_dies_is_said_to_and_connected_to_again(tmp_path: Path) -> None:
    with new_desk(WAYS[0], tmp_path) as client:
        async with opened(client.transport) as panel:
            await panel.call("opening_hours", {"branch": "Leith"})
            for child in psutil.Process().children():
                if ASK in child.cmdline():
                    child.kill()
            panel.result = None
            await panel.call("opening_hours", {"branch": "Leith"})
            assert "Failed after" in said(panel)
            assert panel.result is None
            await panel.reconnect()
            assert panel.connection.failure == ""
            await panel.call("opening_hours", {"branch": "Leith"})
            assert "Done in" in said(panel)


async def test_a_server_that_is_not_there() -> None:
    async with opened("http://127.0.0.1:9/mcp") as panel:
        assert repr(panel).startswith("Inspector: ")
        assert "mcp-error" in panel._status.value
        panel._tools.show(())
        await panel.reconnect()
        assert "mcp-error" in panel._status.value


async def test_over_http() -> None:
    async with serve(laboratory().http_app()) as url, opened(f"{url}/mcp", mode="legacy") as panel:
        assert (await panel.call("add", {"a": 1})).structured_content == {"result": 2}
        assert panel.trace.messages[0].session == 1


async def test_the_messages_are_painted_when_they_are_looked_at() -> None:
    async with opened(laboratory()) as panel:
        await panel.call("add", {"a": 1})
        assert panel._messages.rows.children == ()
        panel._tabs.selected_index = 3
        rows = panel._messages.rows.children[0].value
        assert rows.count("<details") == len(panel.trace)
        first = panel._messages.rows.children[0]
        panel._tools.runner.again.click() if panel._tools.runner else None
        await until(lambda: len(panel._messages.rows.children) > 1)
        assert panel._messages.rows.children[0] is first  # what was unfolded stays


async def test_messages_are_found_by_their_words() -> None:
    async with opened(laboratory()) as panel:
        messages = panel._messages
        await panel.call("add", {"a": 41})
        messages.find.value = 'TOOLS/CALL "a":41'
        (part,) = messages.rows.children
        assert part.value.count("<details") == 1
        assert "tools/call" in part.value
        messages._draw()
        assert messages.diagram.outputs[0]["data"]["text/plain"].count("\n") == 3
        await panel.call("add", {"a": 42})
        await panel.call("add", {"a": 41})
        panel._tabs.selected_index = 3
        assert len(messages.rows.children) == 2  # what came later is looked through, too
        assert "".join(part.value for part in messages.rows.children).count("<details") == 2
        messages.find.value = "nowhere"
        assert messages.rows.children == ()
        assert messages.said.value == f"none of {len(panel.trace)} messages has these words"
        messages.find.value = ""
        assert messages.said.value == ""
        assert messages.rows.children[0].value.count("<details") == len(panel.trace)


# In a kernel -----------------------------------------------------------------------------------------

FOLLOWED = [
    "from fastmcp import FastMCP\nfrom mcp_workbench import inspector\nlab = FastMCP('lab')\n"
    "@lab.tool\ndef add(a: int) -> int:\n    return a",
    "panel = await inspector(lab)\npanel",
    "@lab.tool\ndef later() -> str:\n    return 'later'",
    "import asyncio\nawait asyncio.sleep(0.2)\nshown = panel._tools.picker.list.options\nprint(shown)",
    "lab = FastMCP('other')\n@lab.tool\ndef only() -> str:\n    return 'only'",
    "await asyncio.sleep(0.2)\nprint(panel._tools.picker.list.options)\n"
    "print((await panel.call('only')).structured_content)",
    "panel = await inspector(lab, answers={})\nawait panel.close()\npanel",
]


@pytest.mark.usefixtures("warm_kernels")
def test_in_a_kernel_it_follows_the_server_and_leaves_a_snapshot() -> None:
    """A revised tool, and a name that is bound to another server; nobody is there, and nothing waits."""
    notebook = from_dict(notebook_of(FOLLOWED))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    NotebookClient(notebook, timeout=60, store_widget_state=False).execute()
    outputs = [cell["outputs"] for cell in notebook["cells"]]
    data = next(o["data"] for o in outputs[1] if o["output_type"] == "execute_result")
    assert data["text/plain"].splitlines() == [
        "Inspector of lab, 2026-07-28, sessionless",
        "  1 tools: add",
    ]
    assert "<code>add</code>" in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data
    texts = ["".join(o.get("text", "") for o in cell) for cell in outputs]
    assert "('add', 'later')" in texts[3]
    assert "('only',)" in texts[5]
    assert "{'result': 'only'}" in texts[5]
    assert outputs[6][0]["data"]["text/plain"] == "Inspector: not connected"
