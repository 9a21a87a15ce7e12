"""The desk of a public library: search the catalogue, lend, take back, reserve."""

# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "fastmcp>=4.1.2,<4.2",
#     "mcp>=2.2,<3",
#     "mcp-types>=2.2,<3",
#     "pydantic>=2.11",
#     "py-key-value-aio[filetree,redis]>=0.4.4,<0.5",
#     "cryptography>=45",
#     "sqlalchemy[asyncio]>=2.0.40",
#     "aiosqlite>=0.21",
#     "asyncpg>=0.30",
#     "platformdirs>=4.9",
#     "httpx2>=2.16",
#     "limits>=5.6",
#     "starlette>=1",
# ]
# ///

# Made by mcp-workbench from notebooks: edit them and run `mcp-workbench export`,
# or edit here and run `mcp-workbench update`, which takes the edits home.
# chapter 00_first_server.ipynb sha256:477f0723d54b7773
# chapter 01_tools.ipynb sha256:b13f4153b0e37c68
# chapter 02_resources.ipynb sha256:c023d7ab40a7eda1
# chapter 03_prompts.ipynb sha256:97a55a695e1ad1b9
# chapter 04_context.ipynb sha256:49539a5282db871f
# chapter 05_storage.ipynb sha256:a462deb2e052b3c1
# chapter 06a_lifespan.ipynb sha256:0c844abc93d8c330
# chapter 06b_state.ipynb sha256:af36dbff666adbb2
# chapter 07a_middleware.ipynb sha256:dd641288e4677088
# chapter 07b_limits.ipynb sha256:88ea0869953f69dd
# chapter 08_composition.ipynb sha256:97037c43b1b0f652
# chapter 09a_tokens.ipynb sha256:c58fb75b16eee15d
# chapter 09b_oauth.ipynb sha256:363c8086508936f1
# chapter 10_icons.ipynb sha256:cd3e8fdd183aa27c
# chapter 11_apis.ipynb sha256:04262ce7f4901b65
# chapter 12a_running.ipynb sha256:5d7f1c5dd1b8a9c3
# this file, but for this line, sha256:f56731e1067357b5

import asyncio
import hmac
import json
import logging
import os
import re
import struct
import sys
import time
import uuid
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import httpx2
from cryptography.fernet import Fernet, MultiFernet
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ResourceError, ToolError
from fastmcp.prompts import Message, Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.auth import AuthProvider, TokenVerifier
from fastmcp.server.dependencies import get_access_token, get_context, get_session
from fastmcp.server.elicitation import (
    AcceptedElicitation,
    CancelledElicitation,
    DeclinedElicitation,
    handle_elicit_accept,
    parse_elicit_response_type,
)
from fastmcp.server.lifespan import lifespan
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.server.middleware.caching import (
    CallToolSettings,
    GetPromptSettings,
    ListPromptsSettings,
    ListResourcesSettings,
    ListToolsSettings,
    ReadResourceSettings,
    ResponseCachingMiddleware,
)
from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware
from fastmcp.server.middleware.logging import StructuredLoggingMiddleware
from fastmcp.server.middleware.timing import TimingMiddleware
from fastmcp.server.providers import Provider
from fastmcp.server.sessions import SessionId, SessionProvider
from fastmcp.server.transforms import Transform
from fastmcp.tools import Tool, ToolResult
from fastmcp.utilities.logging import get_logger
from fastmcp.utilities.types import Image
from key_value.aio.protocols import AsyncKeyValue
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper
from key_value.aio.wrappers.prefix_collections import PrefixCollectionsWrapper
from key_value.aio.wrappers.ttl_clamp import TTLClampWrapper
from limits import RateLimitItem, parse
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.message import ServerMessageMetadata
from mcp.types import (
    CompletionArgument,
    CompletionContext,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    Icon,
    InputRequest,
    InputRequiredResult,
    PromptReference,
    ResourceTemplateReference,
    SamplingMessage,
    TextContent,
    Tool as ListedTool,
    ToolAnnotations,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from platformdirs import user_data_path
from pydantic import BaseModel, Field, ValidationError, computed_field
from sqlalchemy import (
    URL,
    Column,
    Date,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    cast,
    delete,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.requests import Request
from starlette.responses import JSONResponse

# %% 02_resources.ipynb#a-book-with-an-address  A book that knows its address
class Book(BaseModel):
    """A book in the catalogue. Title and language are those of the original."""

    id: str
    title: str
    english_title: str | None = None
    author: str
    year: int
    language: str
    subjects: list[str]

    @computed_field(description="Where this book can be read as a resource")
    @property
    def uri(self) -> str:
        return f"book://{self.id}"

    def matches(self, words: str) -> bool:
        """Does every one of these words occur in what is known of the book?"""
        known = " ".join([self.title, self.english_title or "", self.author, *self.subjects])
        return all(word in known.casefold() for word in words.casefold().split())


# %% 01_tools.ipynb#the-records  The server again
Branch = Literal["Central", "Leith", "Morningside", "Portobello"]


class Copy(BaseModel):
    """One copy of a book, and the place where it stands when nobody has it."""

    id: str
    book: str
    branch: Branch
    shelf: str


class Loan(BaseModel):
    """Who has a copy, and the day on which it is due back."""

    copy_id: str
    patron_id: str
    due: date


@dataclass
class Records:
    """What the desk knows, each kind by its id; loans by the id of the copy."""

    books: dict[str, Book]
    copies: dict[str, Copy]
    branches: dict[str, dict[str, str]]
    patrons: dict[str, dict[str, str]]
    loans: dict[str, Loan]

    def copies_of(self, book_id: str) -> list[Copy]:
        return [copy for copy in self.copies.values() if copy.book == book_id]


# %% 01_tools.ipynb#read-the-records  The server again
def data_folder() -> Path:
    """The folder with the library's data: DESK_DATA, else notebooks/data beside this file."""
    return Path(os.environ.get("DESK_DATA") or Path(__file__).parent / "notebooks" / "data")


@cache
def records() -> Records:
    """The records, read when they are first asked for: importing this file reads nothing."""

    def rows(name: str) -> list[dict[str, Any]]:
        return json.loads((data_folder() / f"{name}.json").read_text(encoding="utf-8"))

    return Records(
        books={row["id"]: Book(**row) for row in rows("books")},
        copies={row["id"]: Copy(**row) for row in rows("copies")},
        branches={row["name"]: row for row in rows("branches")},
        patrons={row["id"]: row for row in rows("patrons")},
        loans={
            row["copy"]: Loan(copy_id=row["copy"], patron_id=row["patron"], due=row["due"])
            for row in rows("loans")
        },
    )


# %% 01_tools.ipynb#who-has-what  The server again
async def on_shelf(copies: Iterable[Copy]) -> list[Copy]:
    """Those of these copies that nobody has."""
    copies = list(copies)
    loans = await loans_of(copies)
    return [copy for copy in copies if copy.id not in loans]


# %% 01_tools.ipynb#hints-for-the-host  Arguments from types
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(destructive_hint=False, open_world_hint=False)
REMOVES = ToolAnnotations(destructive_hint=True, idempotent_hint=False, open_world_hint=False)


# %% 05_storage.ipynb#setting  05 Storage
Value = TypeVar("Value")


def setting(
    name: str, read: Callable[[str], Value], takes: str, default: str | None = None
) -> Value:
    """An environment variable, as `read` understands it; a bad one ends the program in one line.

    `read` raises ValueError for what it does not understand. Without a default the variable must
    be set. The line shows no secret: nothing of a variable named KEY, SECRET or TOKEN, and no
    user or password in an address.
    """
    text = os.environ.get(name) or default
    try:
        if text is None:
            raise ValueError
        return read(text)
    except ValueError:
        shown = "nothing" if text is None else repr(re.sub(r"//[^/@]*@", "//***@", text))
        if text and re.search("KEY|SECRET|TOKEN", name):
            shown = f"{len(text)} characters"
        sys.stderr.write(f"{name}: got {shown}; it takes {takes}.\n")
        raise SystemExit(2) from None


# %% 05_storage.ipynb#open-store  05 Storage
def store_address(text: str) -> str:
    """An address that `open_store` can open."""
    if not re.match(r"memory://$|file:///.|rediss?://.", text):
        raise ValueError(text)
    return text


def store_keys(text: str) -> list[bytes]:
    """Fernet keys with commas between them, the newest first."""
    keys = [key.strip().encode() for key in text.split(",") if key.strip()]
    for key in keys:
        Fernet(key)
    return keys


def open_store(address: str, keys: list[bytes]) -> AsyncKeyValue:
    """The key-value store at an address. What leaves this process is encrypted.

    The prefix keeps this server's entries apart from those of others in the same store.
    """
    if address == "memory://":
        return MemoryStore(max_entries_per_collection=10_000)
    if address.startswith("file://"):
        store = file_store(Path(address.removeprefix("file://")))
    else:
        from key_value.aio.stores.redis import RedisStore  # only for those who use it

        store = RedisStore(url=address)
    locked = FernetEncryptionWrapper(
        store, fernet=MultiFernet([Fernet(key) for key in keys]), raise_on_decryption_error=False
    )
    return PrefixCollectionsWrapper(locked, prefix="library-desk")


# %% 05_storage.ipynb#file-store  05 Storage
def file_store(folder: Path) -> AsyncKeyValue:
    """A store of files in a folder, which is made if it is missing."""
    from key_value.aio.stores.filetree import (
        FileTreeStore,
        FileTreeV1CollectionSanitizationStrategy,
        FileTreeV1KeySanitizationStrategy,
    )

    folder.mkdir(parents=True, exist_ok=True)
    return FileTreeStore(
        data_directory=folder,
        key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(folder),
        collection_sanitization_strategy=FileTreeV1CollectionSanitizationStrategy(folder),
    )


# %% 05_storage.ipynb#the-store  05 Storage
STORE_URL = setting(
    "STORE_URL",
    store_address,
    "memory://, file:///FOLDER or redis://HOST:PORT (as REDIS_URL may, too)",
    default=os.environ.get("REDIS_URL") or "memory://",
)
STORE_KEYS = setting(
    "STORE_KEY",
    store_keys,
    "Fernet keys with commas between them, the newest first",
    default="" if STORE_URL == "memory://" else None,
)
store = open_store(STORE_URL, STORE_KEYS)
sessions = TTLClampWrapper(store, min_ttl=0, max_ttl=604_800, missing_ttl=86_400)


# %% 05_storage.ipynb#instructions  05 Storage
INSTRUCTIONS = (
    "The desk of a public library with four branches: search the catalogue, see what stands on "
    "which shelf, lend, take back and reserve. Find a book's id with find_books before you use a "
    "tool that takes one."
)


# %% 05_storage.ipynb#sealing  05 Storage
def sealing(keys: list[bytes]) -> RequestStateSecurity | None:
    """Seals for questions to the client that every replica with these keys can open.

    None, without keys: FastMCP makes one that only this process knows.
    """
    derived = [hmac.digest(key, b"request state", "sha256") for key in keys]
    return RequestStateSecurity(keys=derived) if derived else None


# %% 06a_lifespan.ipynb#library  06a Lifespan
@dataclass
class Desk:
    """What the desk holds open while it runs."""

    database: AsyncEngine
    http: httpx2.AsyncClient


@lifespan
async def library(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """Open what the desk needs, and close it, whatever happens between."""
    async with AsyncExitStack() as stack:
        if DATABASE_URL.get_backend_name() == "sqlite":
            Path(DATABASE_URL.database).parent.mkdir(parents=True, exist_ok=True)
        database = create_async_engine(DATABASE_URL)
        stack.push_async_callback(database.dispose)
        await open_the_books(database)
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=10))
        yield {"desk": Desk(database, http)}


def desk() -> Desk:
    """What the lifespan opened; only while a request is served."""
    return get_context().lifespan_context["desk"]


# %% 07a_middleware.ipynb#plain-log  07a Middleware
log = get_logger("desk")  # below FastMCP's own, and so at its level
log.propagate = False  # FastMCP's handler draws each line; this one writes it, to stderr
log.handlers = [logging.StreamHandler()]
log.handlers[0].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))


# %% 07a_middleware.ipynb#scopes  07a Middleware
class Scopes(Middleware):
    """Who may call which tools: a tag asks for a scope, where the caller has a token at all.

    Without a token (stdio, or AUTH=none) the caller is the one who started the server.
    """

    def __init__(self, needed: dict[str, str]) -> None:
        self.needed = needed

    def missing(self, tool: Tool) -> set[str]:
        """The scopes that the caller would need for a tool, and does not have."""
        token = get_access_token()
        if token is None:
            return set()
        return {self.needed[tag] for tag in tool.tags if tag in self.needed} - set(token.scopes)

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Sequence[Tool]]
    ) -> Sequence[Tool]:
        return [tool for tool in await call_next(context) if not self.missing(tool)]

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, ToolResult]
    ) -> ToolResult:
        tool = await context.fastmcp_context.fastmcp.get_tool(context.message.name)
        if tool is not None and (missing := self.missing(tool)):
            raise ToolError(f"This needs the scope {', '.join(sorted(missing))}.")
        return await call_next(context)


# %% 07b_limits.ipynb#rate-limit  07b Limits and caches
RATE_LIMIT = setting("RATE_LIMIT", parse, "calls for each client, as 600/minute", "600/minute")


class RateLimit(Middleware):
    """So many tool calls for each client, counted where every replica counts."""

    def __init__(self, rate: RateLimitItem, address: str) -> None:
        self.rate = rate
        shared = address.startswith("redis")
        options = {"implementation": "redispy"} if shared else {}
        counts = storage_from_string(f"async+{address}" if shared else "async+memory://", **options)
        self.limiter = SlidingWindowCounterRateLimiter(counts)

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, ToolResult]
    ) -> ToolResult:
        token = get_access_token()
        client = token.client_id if token else "anybody"
        if not await self.limiter.hit(self.rate, "library-desk", client):
            raise ToolError(f"Too many calls: {self.rate} are allowed. Wait, and try again.")
        return await call_next(context)


# %% 07b_limits.ipynb#known-schemas  07b Limits and caches
@lifespan
async def known_schemas(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """Tell the SDK the tools' schemas, which it otherwise lists before each sessionless call.

    FastMCP 4.1 offers no way to; the attribute is the SDK's own, and FastMCP's name for it private.
    """
    tools = await server.list_tools(run_middleware=False)
    schemas = {tool.name: tool.parameters for tool in tools}
    server._mcp_server.get_tool_input_schema = schemas.get
    yield {}


# %% 07b_limits.ipynb#the-chain  07b Limits and caches
def chain() -> list[Middleware]:
    """What every request passes, from the outside to the inside."""
    return [
        ErrorHandlingMiddleware(logger=log, transform_errors=False),
        TimingMiddleware(logger=log),
        StructuredLoggingMiddleware(logger=log),
        Scopes({"loans": "desk:lend", "patrons": "desk:register"}),
        RateLimit(RATE_LIMIT, STORE_URL),
        ResponseCachingMiddleware(
            cache_storage=store,
            call_tool_settings=CallToolSettings(
                ttl=3600, included_tools=["opening_hours", "chart_decades"]
            ),
            read_resource_settings=ReadResourceSettings(enabled=False),
            get_prompt_settings=GetPromptSettings(enabled=False),
            list_tools_settings=ListToolsSettings(enabled=False),
            list_resources_settings=ListResourcesSettings(enabled=False),
            list_prompts_settings=ListPromptsSettings(enabled=False),
        ),
    ]


# %% 08_composition.ipynb#web-address  A partner library
def web_address(text: str) -> str:
    """An http or https address, without a slash at its end; or nothing."""
    if text and not re.match(r"https?://[^/]", text):
        raise ValueError(text)
    return text.rstrip("/")


# %% 09a_tokens.ipynb#token-verifier  09a Tokens
AUTH_KINDS = ("none", "jwt", "introspection", "remote", "oauth-proxy")


def auth_kind(text: str) -> str:
    """One of AUTH_KINDS."""
    if text not in AUTH_KINDS:
        raise ValueError(text)
    return text


def needed(text: str) -> str:
    """A text that is not empty."""
    return text


AUTH = setting("AUTH", auth_kind, f"{', '.join(AUTH_KINDS[:-1])} or {AUTH_KINDS[-1]}", "none")


def token_verifier(introspect: bool) -> TokenVerifier:
    """What checks a token: the issuer, asked each time (RFC 7662), or its published keys."""
    if introspect:
        from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier

        return IntrospectionTokenVerifier(
            introspection_url=setting("AUTH_INTROSPECTION_URL", web_address, "an http(s) address"),
            client_id=setting("AUTH_CLIENT_ID", needed, "the desk's name at the issuer"),
            client_secret=setting("AUTH_CLIENT_SECRET", needed, "the desk's secret at the issuer"),
            required_scopes=["desk:read"],
        )
    from fastmcp.server.auth.providers.jwt import JWTVerifier

    return JWTVerifier(
        jwks_uri=setting("AUTH_JWKS_URI", web_address, "the http(s) address of the issuer's keys"),
        issuer=setting("AUTH_ISSUER", needed, "the issuer, as its tokens name it"),
        audience=setting("AUTH_AUDIENCE", needed, "this server, as tokens name it"),
        required_scopes=["desk:read"],
    )


# %% 09b_oauth.ipynb#auth-provider  09b OAuth
def auth_provider(kind: str) -> AuthProvider | None:
    """Who may use this server over HTTP, as AUTH and the AUTH_ variables say."""
    if kind == "none":
        return None
    if kind in ("jwt", "introspection"):
        return token_verifier(introspect=kind == "introspection")
    base_url = setting("AUTH_BASE_URL", web_address, "the http(s) address of this server")
    if kind == "remote":
        from fastmcp.server.auth import RemoteAuthProvider

        issuer = setting("AUTH_ISSUER", web_address, "the http(s) address of the issuer")
        return RemoteAuthProvider(
            token_verifier=token_verifier(introspect=False),
            authorization_servers=[issuer],
            base_url=base_url,
        )
    from fastmcp.server.auth import OAuthProxy

    return OAuthProxy(
        upstream_authorization_endpoint=setting("AUTH_AUTHORIZE_URL", web_address, "an address"),
        upstream_token_endpoint=setting("AUTH_TOKEN_URL", web_address, "an http(s) address"),
        upstream_revocation_endpoint=setting("AUTH_REVOKE_URL", web_address, "an address"),
        upstream_client_id=setting("AUTH_CLIENT_ID", needed, "the desk's name at the issuer"),
        upstream_client_secret=setting("AUTH_CLIENT_SECRET", needed, "the desk's secret there"),
        jwt_signing_key=setting("AUTH_SIGNING_KEY", needed, "32 characters or more"),
        token_verifier=token_verifier(introspect=True),
        base_url=base_url,
        client_storage=store,
    )


# %% 10_icons.ipynb#icon  Seven drawings
def icon(path: str) -> Icon:
    """An icon, sharp at any size, from a path in SVG on a square of 24 by 24 units."""
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'>"
        f"<path fill='#3d84b1' d='{path}'/></svg>"  # a blue that is seen on light and on dark
    )
    source = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return Icon(src=source, mime_type="image/svg+xml", sizes=["any"])


DESK_ICON = icon("M1.5 19.5h21v3h-21zM3 7.5h4.5V18H3zM9 3h4.5v15H9zM14.5 8l4-1 3 10-4 1z")
PAGE_ICON = icon("M4.5 1.5h9V9h6v13.5h-15zM15.5 1.5V7h4zM7.5 12v1.5h9V12zM7.5 16.5V18h6v-1.5z")
SPEECH_ICON = icon("M1.5 3h21v13.5H12l-6 6v-6H1.5zM6 6v1.5h12V6zM6 10.5V12h7.5v-1.5z")
TAG_ICONS = {
    "branches": icon("M12 1.5 1 12h3.5v9h5v-6h5v6h5v-9H23z"),  # a house
    "catalogue": icon(  # an open book
        "M1.5 4.5q5-2 9 1.5v15q-4-3.5-9-1.5zM22.5 4.5q-5-2-9 1.5v15q4-3.5 9-1.5z"
    ),
    "loans": icon("M1.5 4.5h21v15h-21zM4.5 7.5v9H9v-9zM12 7.5V9h7.5V7.5zM12 12v1.5h4.5V12z"),
    "patrons": icon("M12 1.5a5 5 0 0 1 0 10 5 5 0 0 1 0-10zM3 22.5q0-9 9-9t9 9z"),
}


# %% 11_apis.ipynb#acquisitions  11 APIs
ACQUISITIONS_URL = setting(
    "ACQUISITIONS_URL", web_address, "the http(s) address of the acquisitions office", ""
)


@lifespan
async def acquisitions(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """Offer what the acquisitions office offers, where there is one."""
    yield {}


# %% 11_apis.ipynb#the-server-with-acquisitions  11 APIs
mcp = FastMCP(
    "Library desk",
    version="1.0.0",
    instructions=INSTRUCTIONS,
    website_url="https://library.example",
    icons=[DESK_ICON],
    mask_error_details=True,
    lifespan=library | acquisitions | known_schemas,
    middleware=chain(),
    auth=auth_provider(AUTH),
    session_state_store=sessions,
    request_state_security=sealing(STORE_KEYS),
)


# %% 01_tools.ipynb#opening-hours-typed  Arguments from types
@mcp.tool(version="2.0", tags={"branches"}, title="Opening hours", annotations=READS)
def opening_hours(branch: Branch) -> str:
    """Say when a branch of the library is open."""
    return records().branches[branch]["hours"]


# %% 01_tools.ipynb#years  Arguments from types
class Years(BaseModel):
    """A span of years, both ends included. Leave an end out to leave it open."""

    first: int | None = Field(default=None, description="First year, such as 1850")
    last: int | None = Field(default=None, description="Last year, such as 1899")

    def contains(self, year: int) -> bool:
        return (self.first is None or self.first <= year) and (
            self.last is None or year <= self.last
        )


# %% 01_tools.ipynb#find-books  Arguments from types
class Found(BaseModel):
    """The first books of a search, and how many there are in all."""

    total: int
    books: list[Book]


@mcp.tool(tags={"catalogue"}, title="Find books", annotations=READS)
async def find_books(
    words: Annotated[str, Field(description="Words of title, author or subject")] = "",
    language: Annotated[str | None, Field(description="Original language: 'French'")] = None,
    years: Annotated[Years | None, Field(description="Years of first publication")] = None,
    on_shelf_at: Annotated[Branch | None, Field(description="Only books on a shelf there")] = None,
    limit: Annotated[int, Field(ge=1, le=50, description="At most so many books")] = 10,
) -> Found:
    """Find books in the catalogue; every filter narrows the search.

    French novels before 1900 that are on the shelf in Leith are
    {"words": "novel", "language": "French", "years": {"last": 1899}, "on_shelf_at": "Leith"}.
    """
    found = [
        book
        for book in records().books.values()
        if book.matches(words)
        and (language is None or book.language.casefold() == language.casefold())
        and (years is None or years.contains(book.year))
    ]
    if on_shelf_at is not None:
        at_branch = [c for c in records().copies.values() if c.branch == on_shelf_at]
        standing = {copy.book for copy in await on_shelf(at_branch)}
        found = [book for book in found if book.id in standing]
    return Found(total=len(found), books=found[:limit])


# %% 01_tools.ipynb#look-things-up  Errors that a model can act on
def book_by_id(book_id: str) -> Book:
    """The book with this id, or a ToolError that names the ids closest to it."""
    books = records().books
    if book_id in books:
        return books[book_id]
    close = get_close_matches(book_id, books, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(close)}?" if close else "Search with find_books."
    raise ToolError(f"No book has the id {book_id!r}. {hint}")


# %% 01_tools.ipynb#where-is  Errors that a model can act on
class Whereabouts(BaseModel):
    """A book, and where each of its copies is: on the shelf, or out on loan."""

    book: Book
    on_shelf: list[Copy]
    on_loan: list[Loan]


@mcp.tool(tags={"catalogue"}, title="Where is it?", annotations=READS)
async def where_is(book_id: str) -> Whereabouts:
    """Say where every copy of a book is: its branch and shelf, or who has it and until when.

    Args:
        book_id: The book's id from find_books, such as 'verne-vingt-mille-lieues'.
    """
    book = book_by_id(book_id)
    copies = records().copies_of(book_id)
    loans = await loans_of(copies)
    return Whereabouts(
        book=book,
        on_shelf=[copy for copy in copies if copy.id not in loans],
        on_loan=[loans[copy.id] for copy in copies if copy.id in loans],
    )


# %% 01_tools.ipynb#lend  Sync or async
LOAN_PERIOD = timedelta(days=21)


@mcp.tool(tags={"loans"}, title="Lend a book", annotations=ADDS)
async def lend(book_id: str, patron_id: str, branch: Branch) -> Loan:
    """Lend a patron a copy that is on the shelf at a branch, for three weeks.

    Args:
        book_id: The book's id from find_books.
        patron_id: The patron's id, such as 'p007'.
        branch: The branch at whose desk the patron stands.
    """
    book = book_by_id(book_id)
    await check_patron(patron_id)
    copies = [copy for copy in records().copies_of(book_id) if copy.branch == branch]
    for copy in await on_shelf(copies):
        loan = Loan(copy_id=copy.id, patron_id=patron_id, due=date.today() + LOAN_PERIOD)
        if await add_loan(loan):
            return loan
    raise ToolError(f"No copy of {book.title!r} is on the shelf at {branch}. Ask where_is.")


# %% 01_tools.ipynb#take-back  Sync or async
@mcp.tool(tags={"loans"}, title="Take a copy back", annotations=REMOVES)
async def take_back(copy_id: str) -> Copy:
    """Take a copy back from the patron who has it, and say on which shelf it belongs.

    Args:
        copy_id: The copy's id, on its label and in where_is, such as 'c0042'.
    """
    if copy_id not in records().copies:
        raise ToolError(f"No copy has the id {copy_id!r}. Ids look like 'c0042'.")
    if not await remove_loan(copy_id):
        raise ToolError(f"Copy {copy_id!r} is not on loan.")
    return records().copies[copy_id]


# %% 01_tools.ipynb#a-picture  Results
def bar_chart(values: list[int], *, bar: int = 12, height: int = 96) -> bytes:
    """A bar chart as a PNG image (8 bits, grey): one bar a value, the highest `height` pixels."""
    top = max(values, default=0) or 1
    rows = b"".join(
        b"\0"
        + b"".join(
            (b"\x30" if v * height > y * top else b"\xff") * (bar - 2) + b"\xff\xff" for v in values
        )
        for y in reversed(range(height))
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    size = struct.pack(">IIBBBBB", bar * len(values), height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


# %% 01_tools.ipynb#chart-decades  Results
def books_by_decade(language: str | None = None) -> dict[int, int]:
    """How many books of the catalogue first appeared in each decade, oldest first."""
    years = [
        book.year
        for book in records().books.values()
        if language is None or book.language.casefold() == language.casefold()
    ]
    return dict(sorted(Counter(year // 10 * 10 for year in years).items()))


@mcp.tool(tags={"catalogue"}, title="Books by decade", annotations=READS)
def chart_decades(language: str | None = None) -> ToolResult:
    """Draw how many books of the catalogue first appeared in each decade.

    Args:
        language: Count only books of this original language, such as 'French'.
    """
    decades = books_by_decade(language)
    if not decades:
        known = ", ".join(sorted({book.language for book in records().books.values()}))
        raise ToolError(f"No book's language is {language!r}. There are books in {known}.")
    text = ", ".join(f"{decade}s: {count}" for decade, count in decades.items())
    picture = Image(data=bar_chart(list(decades.values())), format="png").to_image_content()
    return ToolResult(
        content=[text, picture],
        structured_content={"decades": {str(k): v for k, v in decades.items()}},
    )


# %% 02_resources.ipynb#about-the-desk  Text, JSON, bytes
@mcp.resource("info://desk", mime_type="text/markdown")
def about_the_desk() -> str:
    """What this library is, in a page: its size, its branches, its languages."""
    books = records().books.values()
    languages = sorted({book.language for book in books})
    branches = "\n".join(
        f"- {row['name']}: {row['address']}, {row['hours']}" for row in records().branches.values()
    )
    return f"# Library desk\n\n{len(books)} books in {', '.join(languages)}.\n\n{branches}\n"


# %% 02_resources.ipynb#branches  Text, JSON, bytes
@mcp.resource("data://branches", mime_type="application/json")
def branches() -> list[dict[str, str]]:
    """Every branch with its address, telephone number and opening hours."""
    return list(records().branches.values())


# %% 02_resources.ipynb#the-chart  Text, JSON, bytes
@mcp.resource("data://decades.png", mime_type="image/png")
def decades_picture() -> bytes:
    """A bar chart of the whole catalogue, one bar a decade."""
    return bar_chart(list(books_by_decade().values()))


# %% 02_resources.ipynb#one-book  Templates: one function, many addresses
@mcp.resource("book://{book_id}", mime_type="application/json")
async def book_record(book_id: str) -> str:
    """A book of the catalogue, with the shelf or the loan of each of its copies."""
    if book_id not in records().books:
        raise ResourceError(f"No book has the id {book_id!r}.")
    return (await where_is(book_id)).model_dump_json()


# %% 02_resources.ipynb#one-shelf  Templates: one function, many addresses
@mcp.resource("shelf://{branch}/{shelf}", mime_type="application/json")
async def books_on_shelf(branch: str, shelf: str) -> list[dict[str, Any]]:
    """The books that stand on one shelf of one branch now, such as shelf://Leith/FR-V."""
    copies = [c for c in records().copies.values() if (c.branch, c.shelf) == (branch, shelf)]
    if not copies:
        raise ResourceError(f"No branch {branch!r} with a shelf {shelf!r}.")
    books = [records().books[copy.book] for copy in await on_shelf(copies)]
    return [book.model_dump(mode="json") for book in books]


# %% 02_resources.ipynb#a-search-with-an-address  Templates: one function, many addresses
@mcp.resource("catalogue://search{?words,language,limit}", mime_type="application/json")
async def search_results(
    words: str = "",
    language: str | None = None,
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
) -> str:
    """The same search as find_books, as an address that can be kept and read again."""
    return (await find_books(words, language, limit=limit)).model_dump_json()


# %% 02_resources.ipynb#reading-lists  Files, and who may read which
MOST_BYTES = 64 * 1024


@mcp.resource("file://reading-lists/{path*}", mime_type="text/markdown")
def reading_list(path: str) -> str:
    """A reading list that the librarians wrote, such as file://reading-lists/sea-stories.md."""
    folder = (data_folder() / "reading-lists").resolve()
    file = (folder / path).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise ResourceError(f"No reading list {path!r}. Read data://reading-lists for all.")
    if file.stat().st_size > MOST_BYTES:
        raise ResourceError(f"Reading list {path!r} has more than {MOST_BYTES} bytes.")
    return file.read_text(encoding="utf-8")


@mcp.resource("data://reading-lists", mime_type="application/json")
def reading_lists() -> list[str]:
    """The addresses of all reading lists."""
    folder = data_folder() / "reading-lists"
    return [f"file://reading-lists/{file.name}" for file in sorted(folder.glob("*.md"))]


# %% 03_prompts.ipynb#help  A prompt is a function that returns text
@mcp.prompt(name="help", title="What can this desk do?", tags={"help"})
def help_prompt() -> str:
    """Explain what can be asked at this desk, with examples."""
    return (
        "Explain briefly what I can ask at this library's desk, and give three examples. "
        "It can search the catalogue by words, language, years and branch; say where each copy of "
        "a book is; lend and take back; tell opening hours; and show reading lists."
    )


# %% 03_prompts.ipynb#recommend  Arguments
@mcp.prompt(title="Recommend a book", tags={"reading"})
def recommend(subject: str, language: str = "English") -> str:
    """Ask for three books on a subject, from this catalogue and on the shelf now."""
    return (
        f"Recommend three books on the subject {subject!r}, written in {language}. Use "
        "find_books with on_shelf_at for each branch, name only books that it returns, and say in "
        "a sentence each why the book is worth reading and on which shelf it stands."
    )


# %% 03_prompts.ipynb#reading-group  Several messages
@mcp.prompt(title="Plan a reading group", tags={"reading"})
def reading_group(book_id: str, weeks: int = 4) -> list[Message]:
    """Plan the meetings of a reading group on one book."""
    book = book_by_id(book_id)
    return [
        Message(
            f"Our group reads {book.title!r} by {book.author} ({book.year}) in {weeks} meetings."
        ),
        Message(
            "I shall plan one part of the book and one question for each meeting.", role="assistant"
        ),
        Message(f"Begin. Check with where_is that there are copies for us: the id is {book.id!r}."),
    ]


# %% 03_prompts.ipynb#completion  Completion
@mcp.completion
def complete(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> list[str] | None:
    """Offer values for the arguments of prompts and templates, as they are typed."""
    books = records().books.values()
    chosen = (context.arguments if context else None) or {}
    values = {
        "book_id": lambda: [book.id for book in books],
        "language": lambda: {book.language for book in books},
        "subject": lambda: {subject for book in books for subject in book.subjects},
        "branch": lambda: get_args(Branch),
        "shelf": lambda: {
            copy.shelf
            for copy in records().copies.values()
            if copy.branch == chosen.get("branch", copy.branch)
        },
    }.get(argument.name)
    if values is None:
        return None
    typed = argument.value.casefold()
    return sorted(value for value in values() if value.casefold().startswith(typed))[:100]


# %% 04_context.ipynb#interactive  Ask the person
class NeedsInput(Exception):
    """Stops a tool at a question that has to travel to the client first."""

    def __init__(self, question: InputRequiredResult) -> None:
        super().__init__("waiting for the client's answer")
        self.question = question


def interactive(tool: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let a tool use `ask`, `ask_to_visit` and `sample`; stands directly above the function.

    In the sessionless era a question is the result of the call, and the client calls again with the
    answer: the tool runs from its first line once more, so nothing may be changed before the last
    question.
    """

    @wraps(tool)
    async def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return await tool(*args, **kwargs)
        except NeedsInput as needs:
            return needs.question

    return run


# %% 04_context.ipynb#answer-from-client  Ask the person
Answer = TypeVar("Answer", ElicitResult, CreateMessageResult)


async def answer_from_client(
    ctx: Context, key: str, request: InputRequest, kind: type[Answer]
) -> Answer:
    """The client's answer to a request of the server, in both protocol eras.

    Handshake: the request goes out while the call waits. Sessionless: it goes out as the call's
    result, and the answers so far travel with it in `request_state`, which FastMCP seals.
    """
    context = ctx.request_context
    if context is not None and context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        sent_with = ServerMessageMetadata(related_request_id=ctx.request_id)
        return await ctx.session.send_request(request, kind, metadata=sent_with)
    answers = json.loads(ctx.request_state or "{}")
    for name, answer in (ctx.input_responses or {}).items():
        answers[name] = answer.model_dump(mode="json", by_alias=True)
    if key not in answers:
        raise NeedsInput(
            InputRequiredResult(input_requests={key: request}, request_state=json.dumps(answers))
        )
    return kind.model_validate(answers[key])


# %% 04_context.ipynb#ask  Ask the person
async def ask(
    ctx: Context, message: str, response_type: Any
) -> AcceptedElicitation[Any] | DeclinedElicitation | CancelledElicitation:
    """Ask the person at the client; `response_type` is a type, a list of choices or a model."""
    can = ctx.session.client_capabilities
    if can is None or can.elicitation is None:
        raise ToolError(
            "This needs an answer from a person, and your client cannot ask one (elicitation)."
        )
    form = parse_elicit_response_type(response_type)
    params = ElicitRequestFormParams(message=message, requested_schema=form.schema)
    answer = await answer_from_client(
        ctx, f"ask: {message}", ElicitRequest(params=params), ElicitResult
    )
    if answer.action == "accept":
        try:
            return handle_elicit_accept(form, answer.content)
        except ValidationError as error:
            wrong = [
                f"{'.'.join(map(str, e['loc'])) or 'value'}: {e['msg']}" for e in error.errors()
            ]
            raise ToolError(f"The answer does not fit: {'; '.join(wrong)}.") from error
    return DeclinedElicitation() if answer.action == "decline" else CancelledElicitation()


# %% 04_context.ipynb#the-queue  Ask the person
class Hold(BaseModel):
    """A place in the queue for a book, and the branch where it will be collected."""

    book_id: str
    patron_id: str
    collect_at: Branch


# %% 04_context.ipynb#reserve  Ask the person
@mcp.tool(tags={"loans", "interactive"}, title="Reserve a book", annotations=ADDS)
@interactive
async def reserve(book_id: str, patron_id: str, ctx: Context) -> Hold:
    """Put a patron in the queue for a book; the patron is asked where to collect it.

    Args:
        book_id: The book's id from find_books.
        patron_id: The patron's id, such as 'p007'.
    """
    book = book_by_id(book_id)
    await check_patron(patron_id)
    if any(hold.patron_id == patron_id for hold in await holds_of(book_id)):
        raise ToolError(f"{patron_id} is in the queue for {book.title!r} already.")
    answer = await ask(ctx, f"Where will you collect {book.title!r}?", list(records().branches))
    if answer.action != "accept":
        raise ToolError(f"Nothing was reserved: the patron chose to {answer.action}.")
    hold = Hold(book_id=book_id, patron_id=patron_id, collect_at=answer.data)
    if not await add_hold(hold):
        raise ToolError(f"{patron_id} is in the queue for {book.title!r} already.")
    return hold


# %% 04_context.ipynb#ask-to-visit  Pages, forms, several choices
async def ask_to_visit(ctx: Context, message: str, url: str) -> bool:
    """Ask the person at the client to open a page; True where they agreed to."""
    can = ctx.session.client_capabilities
    if can is None or can.elicitation is None or can.elicitation.url is None:
        raise ToolError(
            f"Your client cannot show a page (URL elicitation). Please open {url} yourself."
        )
    params = ElicitRequestURLParams(message=message, url=url, elicitation_id=str(uuid.uuid4()))
    answer = await answer_from_client(
        ctx, f"visit: {url}", ElicitRequest(params=params), ElicitResult
    )
    return answer.action == "accept"


# %% 04_context.ipynb#register  Pages, forms, several choices
PRIVACY_NOTICE = "https://library.example/privacy"


class Application(BaseModel):
    """What the desk asks of a new patron."""

    name: str = Field(title="Your name", min_length=1, max_length=80)
    email: str = Field(title="Your e-mail address", pattern=r"^[^@\s]+@[^@\s]+$")
    home_branch: Branch = Field(default="Central", title="Your branch")


@mcp.tool(tags={"patrons", "interactive"}, title="Register a patron", annotations=ADDS)
@interactive
async def register(ctx: Context) -> str:
    """Register a new patron, who reads the privacy notice and fills in a form; gives the new id."""
    if not await ask_to_visit(ctx, "Please read how the library uses your data.", PRIVACY_NOTICE):
        raise ToolError("Nobody was registered: the privacy notice was not accepted.")
    answer = await ask(ctx, "Who are you?", Application)
    if answer.action != "accept":
        raise ToolError(f"Nobody was registered: the person chose to {answer.action}.")
    return await add_patron(answer.data)


# %% 04_context.ipynb#suggest  Pages, forms, several choices
@mcp.tool(tags={"catalogue", "interactive"}, title="Suggest books", annotations=READS)
@interactive
async def suggest(branch: Branch, ctx: Context) -> list[Book]:
    """Ask the reader which subjects they like, and suggest up to five books at a branch."""
    subjects = sorted({subject for book in records().books.values() for subject in book.subjects})
    answer = await ask(ctx, "Which of these do you like to read?", [subjects])
    if answer.action != "accept":
        raise ToolError("Without a subject there is nothing to suggest. Use find_books.")
    liked = set(answer.data)
    at_branch = [copy for copy in records().copies.values() if copy.branch == branch]
    standing = {copy.book for copy in await on_shelf(at_branch)}
    books = [records().books[book_id] for book_id in sorted(standing)]
    books = [book for book in books if liked.intersection(book.subjects)]
    return sorted(books, key=lambda book: -len(liked.intersection(book.subjects)))[:5]


# %% 04_context.ipynb#check-shelves  Progress, and a log
@mcp.tool(timeout=60, tags={"branches"}, title="Check the shelves", annotations=READS)
async def check_shelves(branch: Branch, ctx: Context) -> dict[str, int]:
    """Go along every shelf of a branch and count the copies that stand on it."""
    standing: dict[str, int] = {}
    shelves = sorted({c.shelf for c in records().copies.values() if c.branch == branch})
    for done, shelf in enumerate(shelves, start=1):
        copies = [c for c in records().copies.values() if (c.branch, c.shelf) == (branch, shelf)]
        standing[shelf] = len(await on_shelf(copies))
        await ctx.report_progress(done, len(shelves), f"Shelf {shelf}")
        if not standing[shelf]:
            await ctx.warning(f"Shelf {shelf} at {branch} is empty")
        await asyncio.sleep(0)  # a cancelled call ends here
    await ctx.info(f"{len(shelves)} shelves at {branch}", extra={"copies": sum(standing.values())})
    return standing


# %% 04_context.ipynb#sample  Borrow the caller's model
async def sample(ctx: Context, prompt: str, *, system_prompt: str, max_tokens: int = 200) -> str:
    """Let the client's own model complete a prompt, and give its text."""
    can = ctx.session.client_capabilities
    if can is None or can.sampling is None:
        raise ToolError(
            "This needs a model, and your client lends none (sampling). Write the text yourself."
        )
    params = CreateMessageRequestParams(
        messages=[SamplingMessage(role="user", content=TextContent(text=prompt))],
        system_prompt=system_prompt,
        max_tokens=max_tokens,
    )
    request = CreateMessageRequest(params=params)
    answer = await answer_from_client(ctx, f"sample: {prompt}", request, CreateMessageResult)
    if not isinstance(answer.content, TextContent):
        raise ToolError(f"Your client's model sent {answer.content.type}, and this needs text.")
    return answer.content.text


# %% 04_context.ipynb#describe  Borrow the caller's model
@mcp.tool(tags={"catalogue", "interactive"}, title="Write a shelf card", annotations=READS)
@interactive
async def shelf_card(book_id: str, ctx: Context) -> str:
    """Write the small card that stands before a book, with the words of the caller's own model.

    Args:
        book_id: The book's id from find_books.
    """
    book = book_by_id(book_id)
    prompt = f"A shelf card of at most 40 words for {book.title!r} by {book.author}, {book.year}."
    return await sample(
        ctx, prompt, system_prompt="You are a librarian. Do not give the ending away."
    )


# %% 06a_lifespan.ipynb#database-address  06a Lifespan
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def database_address(text: str) -> URL:
    """A database's address, with the driver that the desk uses; hosts write it in several ways."""
    try:
        url = make_url(text.replace("postgres://", "postgresql://", 1))
        url = url.set(drivername=DRIVERS[url.get_backend_name()])
    except (ArgumentError, KeyError):
        raise ValueError(text) from None
    if "sslmode" in url.query:  # libpq's word for what asyncpg calls ssl
        ssl = {"ssl": url.query["sslmode"]}
        url = url.difference_update_query(["sslmode"]).update_query_dict(ssl)
    return url


DATABASE_URL = setting(
    "DATABASE_URL",
    database_address,
    "sqlite:////FILE or postgresql://USER:PASSWORD@HOST/NAME",
    default=f"sqlite:///{user_data_path('library-desk') / 'library.db'}",
)


# %% 06a_lifespan.ipynb#other-tables  06a Lifespan
TABLES = MetaData()
PATRONS = Table(
    "patrons",
    TABLES,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("home_branch", String, nullable=False),
)
LOANS = Table(
    "loans",
    TABLES,
    Column("copy_id", String, primary_key=True),  # a copy is lent once at a time, whoever asks
    Column("patron_id", String, nullable=False, index=True),
    Column("due", Date, nullable=False),
)


# %% 06a_lifespan.ipynb#tables  06a Lifespan
HOLDS = Table(
    "holds",
    TABLES,
    Column("place", Integer, primary_key=True),
    Column("book_id", String, nullable=False, index=True),
    Column("patron_id", String, nullable=False),
    Column("collect_at", String, nullable=False),
    UniqueConstraint("book_id", "patron_id"),
)


# %% 06a_lifespan.ipynb#open-the-books  06a Lifespan
async def open_the_books(database: AsyncEngine) -> None:
    """Make the tables where there are none, and enter the patrons and loans of the data files."""
    for attempt in (1, 2):
        try:
            async with database.begin() as db:
                await db.run_sync(TABLES.create_all)
                if await db.scalar(select(PATRONS.c.id).limit(1)) is None:
                    await db.execute(insert(PATRONS), list(records().patrons.values()))
                    loans = [loan.model_dump() for loan in records().loans.values()]
                    if loans:
                        await db.execute(insert(LOANS), loans)
            return
        except DBAPIError:  # another replica is at it at this moment
            if attempt == 2:
                raise


# %% 06a_lifespan.ipynb#ledger  06a Lifespan
async def check_patron(patron_id: str) -> None:
    """Refuse, with a ToolError, an id that no patron has."""
    async with desk().database.connect() as db:
        found = await db.scalar(select(PATRONS.c.id).where(PATRONS.c.id == patron_id))
    if found is None:
        raise ToolError(f"No patron has the id {patron_id!r}. Ids look like 'p007'.")


async def loans_of(copies: Iterable[Copy]) -> dict[str, Loan]:
    """The loans of these copies, by the copy's id."""
    query = select(LOANS).where(LOANS.c.copy_id.in_([copy.id for copy in copies]))
    async with desk().database.connect() as db:
        return {row.copy_id: Loan(**row._mapping) for row in await db.execute(query)}


async def add_loan(loan: Loan) -> bool:
    """Note who has a copy; False where somebody has it already."""
    try:
        async with desk().database.begin() as db:
            await db.execute(insert(LOANS).values(loan.model_dump()))
    except IntegrityError:
        return False
    return True


async def remove_loan(copy_id: str) -> bool:
    """Note that a copy is back; False where nobody had it."""
    async with desk().database.begin() as db:
        gone = await db.execute(delete(LOANS).where(LOANS.c.copy_id == copy_id))
    return gone.rowcount == 1


# %% 06a_lifespan.ipynb#queue  06a Lifespan
async def holds_of(book_id: str) -> list[Hold]:
    """The queue for a book, in the order in which the patrons came."""
    query = select(HOLDS).where(HOLDS.c.book_id == book_id).order_by(HOLDS.c.place)
    async with desk().database.connect() as db:
        return [Hold.model_validate(row, from_attributes=True) for row in await db.execute(query)]


async def add_hold(hold: Hold) -> bool:
    """Put a patron in the queue for a book; False where they stand in it already."""
    try:
        async with desk().database.begin() as db:
            await db.execute(insert(HOLDS).values(hold.model_dump()))
    except IntegrityError:
        return False
    return True


async def add_patron(applicant: Application) -> str:
    """Enter a new patron, and give the id that they get."""
    last = select(func.max(cast(func.substr(PATRONS.c.id, 2), Integer)))
    while True:
        async with desk().database.begin() as db:
            patron_id = f"p{await db.scalar(last) + 1:03}"
            try:
                row = {"id": patron_id, **applicant.model_dump()}
                await db.execute(insert(PATRONS).values(row))
            except IntegrityError:  # another replica took that id between the two
                await db.rollback()
                continue
        return patron_id


# %% 06b_state.ipynb#set-aside  06b State and web apps
mcp.add_provider(SessionProvider())


@mcp.tool(tags={"catalogue"}, title="Set a book aside", annotations=ADDS)
async def set_aside(book_id: str, session_id: SessionId) -> list[str]:
    """Set a book aside while the conversation goes on; gives the ids of all that are set aside.

    Args:
        book_id: The book's id from find_books.
    """
    book = book_by_id(book_id)
    session = await get_session(session_id)
    books = await session.get("set aside", default=[])
    if book.id not in books:
        books.append(book.id)
        await session.set("set aside", books)
    return books


@mcp.tool(tags={"catalogue"}, title="Books set aside", annotations=READS)
async def books_set_aside(session_id: SessionId) -> list[Book]:
    """The books that were set aside in this session."""
    session = await get_session(session_id)
    return [book_by_id(book_id) for book_id in await session.get("set aside", default=[])]


# %% 08_composition.ipynb#may-show  A partner library
def may_show(tool: ListedTool) -> bool:
    """Whether a partner's tool is for our readers: it looks something up, and needs nothing else.

    What writes does not show, nor what asks the person, needs a session of the partner's, or comes
    from a partner of the partner (which may be this desk).
    """
    tags = set((tool.meta or {}).get("fastmcp", {}).get("tags", []))
    return (
        "catalogue" in tags
        and not tags & {"interactive", "partner"}
        and tool.annotations is not None
        and tool.annotations.read_only_hint is True
        and "session_id" not in tool.input_schema.get("properties", {})
    )


# %% 08_composition.ipynb#partner-client  A partner library
@cache
def partner_at(address: str) -> Any:
    """A client of the partner's, of which each request takes a `new()`.

    It hands on no header of the caller's, and has no way to ask the caller anything. The context
    for TLS is made here, once: reading the certificates takes longer than a call.
    """
    from fastmcp.client.transports import StreamableHttpTransport  # only where there is a partner
    from fastmcp.server.providers.proxy import ProxyClient

    asks = ("roots", "sampling_handler", "elicitation_handler", "progress_handler", "log_handler")
    return ProxyClient(
        StreamableHttpTransport(address, verify=httpx2.create_ssl_context()),
        mode="auto",
        forward_incoming_headers=False,
        **dict.fromkeys(asks),
    )


# %% 08_composition.ipynb#partner-tool  A partner library
class PartnerTool(Tool):
    """A tool of the partner's. Its arguments go there, and nothing else of the call."""

    address: str
    name_there: str

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        try:
            async with asyncio.timeout(20), partner_at(self.address).new() as client:
                result = await client.call_tool_mcp(self.name_there, arguments)
        except Exception as error:
            raise ToolError("The partner library does not answer; this desk does.") from error
        return ToolResult(result.content, result.structured_content, is_error=result.is_error)


def as_ours(address: str, tool: ListedTool) -> PartnerTool:
    """A tool of the partner's as the desk offers it, with tags and hints of the desk's own."""
    return PartnerTool(
        address=address,
        name_there=tool.name,
        name=tool.name,
        title=f"{tool.title or tool.name} (partner library)",
        description=f"{tool.description or tool.name}\n\nAsks another library: ids are its own.",
        parameters=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=READS.model_copy(update={"open_world_hint": True}),
        tags={"catalogue", "partner"},
    )


# %% 08_composition.ipynb#partner  A partner library
class Partner(Provider):
    """Another library's server: those of its tools that `may_show` lets through.

    Its list is kept for five minutes, and a partner that does not answer is left alone for half a
    minute: the desk's own list waits for it seldom and briefly, and the desk's own calls never.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.tools: Sequence[Tool] = []
        self.good_until = 0.0

    async def _list_tools(self) -> Sequence[Tool]:
        if time.monotonic() < self.good_until:
            return self.tools
        self.good_until = time.monotonic() + 30
        try:
            async with asyncio.timeout(5), partner_at(self.address).new() as client:
                listed = await client.list_tools()
            self.tools = [as_ours(self.address, tool) for tool in listed if may_show(tool)]
            self.good_until = time.monotonic() + 300
        except Exception as error:  # whatever another's server does, the desk goes on
            log.warning("the partner library does not answer: %r", error)
        return self.tools


PARTNER_URL = setting("PARTNER_URL", web_address, "the http(s) address of an MCP server", "")
if PARTNER_URL:
    mcp.add_provider(Partner(PARTNER_URL), namespace="partner")


# %% 09a_tokens.ipynb#caller  09a Tokens
@mcp.resource("info://caller", mime_type="application/json")
def caller() -> dict[str, Any]:
    """Who you are to this desk: the subject and the scopes of your token, if you have one."""
    token = get_access_token()
    if token is None:
        return {"subject": None, "scopes": []}
    return {"subject": token.claims.get("sub"), "scopes": sorted(token.scopes)}


# %% 10_icons.ipynb#tag-icons  Icons for what is there already
Component = TypeVar("Component", Tool, Resource, ResourceTemplate, Prompt)


def with_icon(component: Component, otherwise: Icon) -> Component:
    """A component with the icon of its tag, else with the other one. An icon of its own stays."""
    if component.icons:
        return component
    tagged = [TAG_ICONS[tag] for tag in sorted(component.tags) if tag in TAG_ICONS]
    return component.model_copy(update={"icons": tagged[:1] or [otherwise]})


class TagIcons(Transform):
    """Gives everything that is listed an icon."""

    async def list_tools(self, tools: Sequence[Tool]) -> Sequence[Tool]:
        return [with_icon(tool, DESK_ICON) for tool in tools]

    async def list_resources(self, resources: Sequence[Resource]) -> Sequence[Resource]:
        return [with_icon(resource, PAGE_ICON) for resource in resources]

    async def list_resource_templates(
        self, templates: Sequence[ResourceTemplate]
    ) -> Sequence[ResourceTemplate]:
        return [with_icon(template, PAGE_ICON) for template in templates]

    async def list_prompts(self, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
        return [with_icon(prompt, SPEECH_ICON) for prompt in prompts]


mcp.add_transform(TagIcons())


# %% 12a_running.ipynb#health  12a Running
async def health() -> dict[str, str]:
    """Whether what the desk depends on answers: `ok`, or what is wrong."""
    async with desk().database.connect() as db:
        await db.scalar(select(1))
    return {"database": "ok"}


@mcp.resource("health://status", mime_type="application/json")
async def health_status() -> dict[str, str]:
    """Whether the desk and what it depends on are well."""
    return await health()


@mcp.custom_route("/health", methods=["GET"])
async def health_route(request: Request) -> JSONResponse:
    """The same for a load balancer: 200, or 503."""
    async with Context(mcp):
        return JSONResponse(await health())


# %% How the server starts when this file is run
def main() -> None:
    """Serve on stdio, or over HTTP: python server.py --transport http --port 8000."""
    import argparse  # only here: a host that imports this file needs neither

    from fastmcp import settings

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--transport", choices=["stdio", "http"], default=settings.transport)
    parser.add_argument("--host", default=settings.host, help="address to listen on")
    parser.add_argument("--port", type=int, default=settings.port, help="port to listen on")
    parser.add_argument("--path", default=settings.streamable_http_path, help="of the endpoint")
    options = parser.parse_args()
    if options.transport == "stdio":
        mcp.run(transport="stdio", show_banner=False)
    else:
        # Requests must name this host; FASTMCP_HTTP_ALLOWED_HOSTS lists its other names.
        mcp.run(
            transport="http",
            host=options.host,
            port=options.port,
            path=options.path,
            host_origin_protection=True,
            show_banner=False,
        )


if __name__ == "__main__":
    main()
