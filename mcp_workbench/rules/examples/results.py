"""The examples of MCP011, MCP012, MCP116: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

BAD: dict[str, tuple[Example, ...]] = {
    "MCP011": (
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


class Shelf:
    def __init__(self, room: str, books: int) -> None:
        self.room, self.books = room, books


@mcp.tool
def largest_shelf() -> Shelf:
    return Shelf("history", 410)
""",
            does='print((await client.call_tool("largest_shelf")).content[0].text)',
            shows="Shelf object at 0x",
        ),
        Example(
            """\
import array

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def loans_per_day(days: int) -> array.array:
    return array.array("d", [12.0, 30.0, 7.0][:days])
""",
            does='print((await client.call_tool("loans_per_day", {"days": 2})).content[0].text)',
            shows=r"array\('d', \[12\.0, 30\.0\]\)",
        ),
        Example(
            """\
import array

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def loans_per_day() -> dict:
    return {"days": array.array("d", [12.0, 30.0, 7.0])}
""",
            does='await client.call_tool("loans_per_day")',
            shows="ToolError: Could not serialize the return value of tool 'loans_per_day' for its output "
            "schema: Unable to serialize unknown type: <class 'array.array'>",
        ),
        Example(
            """\
import array

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def mean(loans: array.array) -> float:
    return sum(loans) / len(loans)
""",
            shows="PydanticSchemaGenerationError: Unable to generate .* schema for <class 'array.array'>",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


class Shelf:
    def __init__(self, room: str, books: int) -> None:
        self.room, self.books = room, books


@mcp.tool
def fill(shelf: Shelf | None = None) -> int:
    return shelf.books if shelf else 0
""",
            shows="PydanticSchemaGenerationError: Unable to generate pydantic-core schema for .*Shelf",
        ),
        Example(
            """\
import sqlite3

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def books() -> list[sqlite3.Row]:
    db = sqlite3.connect(":memory:")
    db.row_factory = sqlite3.Row
    return db.execute("SELECT 'Emma' AS title").fetchall()
""",
            does='print((await client.call_tool("books")).content[0].text)',
            shows="sqlite3.Row object at 0x",
        ),
        Example(
            """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fastmcp import FastMCP

mcp = FastMCP("desk")


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


@mcp.tool
def newest():
    book = Book(id=1, title="Emma")
    return book
""",
            does='print((await client.call_tool("newest")).content[0].text)',
            shows="Book object at 0x",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


class Shelf:
    def __init__(self, room: str, books: int) -> None:
        self.room, self.books = room, books


@mcp.tool
def shelves() -> list:
    return [Shelf(room, 0) for room in ("history", "poetry")]
""",
            does='print((await client.call_tool("shelves")).content[0].text)',
            shows="Shelf object at 0x",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def lend(*titles: str) -> str:
    return ", ".join(titles)
""",
            shows=r"ValueError: Functions with \*args are not supported as tools",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.prompt
def remind(**books: str) -> str:
    return ", ".join(books)
""",
            shows=r"ValueError: Functions with \*\*kwargs are not supported as prompts",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def lend(title: str, /) -> str:
    return title
""",
            shows="ValueError: Functions with positional-only parameters are not supported as tools",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


mcp.tool(lambda title: title.title())
""",
            shows="ValueError: You must provide a name for lambda functions",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


class Desk:
    @mcp.tool
    def lend(self, title: str) -> str:
        return title
""",
            shows="TypeError: The function 'lend' has 'self' as its first parameter",
        ),
    ),
    "MCP012": (
        Example(
            """\
import datetime

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("hours://today")
def hours() -> dict:
    return {"day": datetime.date.today(), "opens": 9}
""",
            does='await client.read_resource("hours://today")',
            shows="MCPError: Error reading resource 'hours://today': Object of type date is not JSON serial",
        ),
        Example(
            """\
import json
from datetime import datetime, timedelta

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def lend(title: str) -> str:
    due = datetime.now() + timedelta(days=28)
    return json.dumps({"title": title, "due": due})
""",
            does='await client.call_tool("lend", {"title": "Emma"})',
            shows="ToolError: Error calling tool 'lend': Object of type datetime is not JSON serializable",
        ),
        Example(
            """\
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import uuid4

from fastmcp import FastMCP

mcp = FastMCP("desk")


class Kind(Enum):
    NOVEL = "novel"


@dataclass
class Loan:
    title: str


@mcp.resource("books://{kind}")
def books(kind: Kind) -> dict:
    found = {
        "kind": kind,
        "fine": Decimal("0.50"),
        "cover": Path("covers") / "1.png",
        "id": uuid4(),
        "tags": {"english", "novel"},
        "loans": [Loan("Emma")],
        "mark": b"E",
    }
    return found
""",
            does='await client.read_resource("books://novel")',
            shows="MCPError: .*Object of type Kind is not JSON serializable",
            finds=7,
        ),
        Example(
            """\
import datetime

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("closed://next")
def closed() -> datetime.date:
    return datetime.date(2026, 12, 25)
""",
            does='await client.read_resource("closed://next")',
            shows=r"MCPError: .*contents must be str, bytes, or list\[ResourceContent\], got date",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("hours://week")
def week() -> dict:
    return {(1, "monday"): 9, (2, "tuesday"): 9}
""",
            does='await client.read_resource("hours://week")',
            shows="MCPError: .*keys must be str, int, float, bool or None, not tuple",
            finds=2,
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def lend(title: str) -> dict:
    try:
        return {'lent': int(title)}
    except ValueError as error:
        return {"error": error}
""",
            does='await client.call_tool("lend", {"title": "Emma"})',
            shows="ToolError: Could not serialize .* Unable to serialize unknown type: <class 'ValueError'>",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def cover(book: int) -> dict:
    start = b"\\x89PNG"
    return {"book": book, "cover": start}
""",
            does='await client.call_tool("cover", {"book": 1})',
            shows="ToolError: Error calling tool 'cover': Error serializing to JSON: invalid utf-8 sequence",
        ),
        Example(
            """\
import base64

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("cover://{book}")
def cover(book: str) -> dict:
    return {"book": book, "png": base64.b64encode(book.encode())}
""",
            does='await client.read_resource("cover://1")',
            shows="MCPError: .*Object of type bytes is not JSON serializable",
        ),
    ),
    "MCP116": (
        Example(
            """\
from fastmcp import FastMCP
from pydantic import BaseModel

mcp = FastMCP("desk")


class Book(BaseModel):
    title: str


@mcp.resource("book://{number}")
def book(number: int) -> Book:
    return Book(title="Emma")
""",
            does='await client.read_resource("book://1")',
            shows=r"MCPError: .*contents must be str, bytes, or list\[ResourceContent\], got Book",
        ),
        Example(
            """\
from fastmcp import FastMCP
from pydantic import BaseModel

mcp = FastMCP("desk")


class Book(BaseModel):
    title: str


@mcp.resource("books://new")
def books() -> list[Book]:
    titles = ("Emma", "Persuasion")
    return [Book(title=title) for title in titles]
""",
            does='await client.read_resource("books://new")',
            shows="MCPError: .*Object of type Book is not JSON serializable",
        ),
        Example(
            """\
from fastmcp import FastMCP
from pydantic import BaseModel

mcp = FastMCP("desk")


class Book(BaseModel):
    title: str


@mcp.resource("books://new")
def newest() -> dict:
    emma = Book.model_validate({"title": "Emma"})
    return {"newest": emma}
""",
            does='await client.read_resource("books://new")',
            shows="MCPError: .*Object of type Book is not JSON serializable",
        ),
        Example(
            """\
from fastmcp import FastMCP
from pydantic import BaseModel

mcp = FastMCP("desk")


class Book(BaseModel):
    title: str


class Novel(Book):
    pages: int


NOVELS = [Novel(title="Emma", pages=474)]


@mcp.resource("novel://{number}")
async def novel(number: int) -> Novel | None:
    return NOVELS[number]
""",
            does='await client.read_resource("novel://0")',
            shows="MCPError: .*got Novel",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP011": (
        Example(
            """\
import array
from dataclasses import dataclass

from pydantic import BaseModel

from fastmcp import FastMCP

mcp = FastMCP("desk")


@dataclass
class Shelf:
    room: str
    books: int


class Branch(BaseModel):
    shelves: list[Shelf]


@mcp.tool
def branch() -> Branch:
    return Branch(shelves=[Shelf("history", 410)])


@mcp.tool
def loans_per_day(days: int) -> list[float]:
    return array.array("d", [12.0, 30.0, 7.0])[:days].tolist()
""",
            does='print((await client.call_tool("branch")).data)\n'
            'print((await client.call_tool("loans_per_day", {"days": 2})).data)',
            shows=r"history.*410.*\[12\.0, 30\.0\]",
        ),
        Example(
            """\
from typing import Annotated, NamedTuple

from fastmcp import Context, FastMCP
from fastmcp.dependencies import Depends
from fastmcp.tools import ToolResult
from fastmcp.utilities.types import Image
from pydantic import GetPydanticSchema, PlainSerializer
from pydantic_core import core_schema
from typing_extensions import TypedDict

mcp = FastMCP("desk")


class Database:
    titles = ("Emma",)


class Shelf:
    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        return core_schema.no_info_plain_validator_function(lambda room: cls())


class Isbn:
    pass


class Book(TypedDict):
    title: str


class Place(NamedTuple):
    room: str


def database() -> Database:
    return Database()


AnIsbn = Annotated[Isbn, GetPydanticSchema(lambda source, handler: core_schema.any_schema())]
Written = Annotated[Isbn, PlainSerializer(lambda isbn: "0", return_type=str)]


@mcp.tool
def books(ctx: Context, db: Database = Depends(database)) -> list[Book]:
    return [{"title": title} for title in db.titles]


@mcp.tool
def place(isbn: AnIsbn = None) -> Place:
    return Place("history")


@mcp.tool
def cover(size: int) -> Image:
    return Image(data=bytes(size), format="png")


@mcp.tool
def result(title: str) -> ToolResult:
    return ToolResult(content=title)
""",
            does='print((await client.call_tool("books")).data)\n'
            'print((await client.call_tool("place")).content[0].text)',
            shows="Emma.*history",
        ),
        Example(
            """\
import functools

from fastmcp import FastMCP
from fastmcp.tools import tool

mcp = FastMCP("desk")


def logged(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


@mcp.tool
@logged
def lend(title: str) -> str:
    return title


class Desk:
    @tool
    def take_back(self, title: str) -> str:
        return title

    @mcp.tool
    @staticmethod
    def opening() -> str:
        return 'nine'


mcp.add_tool(Desk().take_back)
mcp.tool(lambda title: title.title(), name="heading")


@mcp.resource("book://{title}")
def book(**parts: str) -> str:
    return parts["title"]
""",
            does="print(sorted(tool.name for tool in await client.list_tools()))",
            shows=r"\['heading', 'lend', 'opening', 'take_back'\]",
        ),
        Example(
            """\
from fastmcp import FastMCP

mcp = FastMCP("desk")


class Shelf:
    def __init__(self, room: str, books: int) -> None:
        self.room, self.books = room, books


class Reading(Shelf):
    pass


@mcp.tool
def largest_shelf() -> dict:
    shelf = Reading("history", 410)
    found = {"shelf": shelf}
    found["shelf"] = shelf.room
    return found


@mcp.tool
def rooms() -> list[str]:
    return [shelf.room for shelf in (Shelf("history", 1), Shelf("poetry", 2))]
""",
            does='print((await client.call_tool("largest_shelf")).data)\n'
            'print((await client.call_tool("rooms")).data)',
            shows=r"history.*\['history', 'poetry'\]",
        ),
    ),
    "MCP012": (
        Example(
            """\
import base64
import datetime

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.resource("hours://today")
def hours() -> dict:
    today = datetime.date(2026, 5, 1)
    return {"day": today.isoformat(), "year": today.year}


@mcp.resource("cover://{book}")
def cover(book: str) -> dict:
    return {"book": book, "png": base64.b64encode(book.encode()).decode()}


@mcp.resource("icon://desk")
def icon() -> bytes:
    return b"\\x89PNG"


@mcp.tool
def lend(title: str) -> dict:
    try:
        return {"lent": int(title)}
    except ValueError as error:
        return {"error": str(error)}
""",
            does="""\
print((await client.read_resource("hours://today"))[0].text)
print((await client.call_tool("lend", {"title": "Emma"})).data)
print((await client.read_resource("icon://desk"))[0].blob)""",
            shows="2026-05-01.*invalid literal.*iVBORw==",
        ),
        Example(
            """\
import json
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import NamedTuple

from fastmcp import FastMCP

mcp = FastMCP("desk")


class Kind(Enum):
    NOVEL = "novel"


class Level(StrEnum):
    EASY = "easy"


class Place(NamedTuple):
    room: str


@mcp.tool
def book() -> dict:
    fine, cover = Decimal("0.50"), Path("1.png")
    return {"kind": Kind.NOVEL, "fine": fine, "tags": {"novel"}, "cover": cover, "mark": b"E"}


@mcp.resource("books://{level}")
def books(level: Level) -> dict:
    return {"level": level, "place": Place("history"), "at": (1, 2), "due": str(date(2026, 5, 1))}


@mcp.resource("loans://all")
def loans() -> str:
    found = {"at": datetime(2026, 5, 1)}
    found["at"] = found["at"].isoformat()
    return json.dumps({**found, "due": date(2026, 5, 29)}, default=str)
""",
            does="""\
print((await client.call_tool("book")).data)
print((await client.read_resource("books://easy"))[0].text)
print((await client.read_resource("loans://all"))[0].text)""",
            shows="novel.*easy.*2026-05-29",
        ),
        Example(
            """\
import datetime

from fastmcp import FastMCP

mcp = FastMCP("desk")


@mcp.tool
def check(title: str):
    try:
        return int(title)
    except ValueError as error:
        return {"error": error}
""",
            does='print((await client.call_tool("check", {"title": "Emma"})).content[0].text)',
            shows="invalid literal for int",
        ),
    ),
    "MCP116": (
        Example(
            """\
from fastmcp import FastMCP
from pydantic import BaseModel

mcp = FastMCP("desk")


class Book(BaseModel):
    title: str


@mcp.resource("book://{number}", mime_type="application/json")
def book(number: int) -> str:
    return Book(title="Emma").model_dump_json()


@mcp.resource("books://new")
def books() -> list[dict]:
    return [Book(title=title).model_dump(mode="json") for title in ("Emma", "Persuasion")]


@mcp.tool
def newest() -> Book:
    return Book(title="Emma")
""",
            does="""\
print((await client.read_resource("book://1"))[0].text)
print((await client.read_resource("books://new"))[0].text)
print((await client.call_tool("newest")).content[0].text)""",
            shows="Emma.*Persuasion.*Emma",
        ),
        Example(
            """\
import functools

from fastmcp.resources import ResourceContent, ResourceResult

from fastmcp import FastMCP
from pydantic import BaseModel

mcp = FastMCP("desk")


class Book(BaseModel):
    title: str


def as_json(function):
    @functools.wraps(function)
    def text(number: int) -> str:
        return function(number).model_dump_json()

    return text


@mcp.resource("book://{number}")
@as_json
def book(number: int) -> Book:
    return Book(title="Emma")


@mcp.resource("new://books")
def new() -> ResourceResult:
    return ResourceResult([ResourceContent(Book(title="Emma").model_dump_json())])


@mcp.resource("old://books")
def old() -> list[ResourceContent]:
    return [ResourceContent({"books": [Book(title="Persuasion").model_dump()]})]
""",
            does='print((await client.read_resource("book://1"))[0].text)\n'
            'print((await client.read_resource("old://books"))[0].text)',
            shows="Emma.*Persuasion",
        ),
    ),
}
