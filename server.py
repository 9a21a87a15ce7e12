"""The desk of a public library: search the catalogue, lend, take back, reserve."""

# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "fastmcp>=4.1.2,<4.2",
#     "aiosqlite>=0.21",
#     "anyio>=4.16",
#     "asyncpg>=0.30",
#     "cachetools>=7",
#     "cryptography>=45",
#     "httpx2>=2.16",
#     "limits>=5.6",
#     "mcp-types>=2.2,<3",
#     "mcp>=2.2,<3",
#     "opentelemetry-api>=1.36",
#     "opentelemetry-exporter-otlp-proto-http>=1.36",
#     "opentelemetry-sdk>=1.36",
#     "platformdirs>=4.9",
#     "py-key-value-aio[filetree,redis]>=0.4.4,<0.5",
#     "pydantic>=2.11",
#     "python-dotenv>=1.1",
#     "redis>=8.1",
#     "sqlalchemy[asyncio]>=2.0.40",
#     "sse-starlette>=3.7",
#     "starlette>=1",
#     "tenacity>=9",
#     "uvicorn>=0.54",
# ]
# ///

# Made by mcp-workbench from notebooks: edit them and run `mcp-workbench export`,
# or edit here and run `mcp-workbench update`, which takes the edits home.
# chapter 00_first_server.ipynb sha256:477f0723d54b7773
# chapter 01_tools.ipynb sha256:b13f4153b0e37c68
# chapter 02_resources.ipynb sha256:c023d7ab40a7eda1
# chapter 03_prompts.ipynb sha256:97a55a695e1ad1b9
# chapter 04_context.ipynb sha256:49539a5282db871f
# chapter 05_storage.ipynb sha256:3ca16fc1443541df
# chapter 06a_lifespan.ipynb sha256:3e8a7b8b3b15aed7
# chapter 06b_state.ipynb sha256:c0f5900e90985a2b
# chapter 07a_middleware.ipynb sha256:98150c92c26e1c7a
# chapter 07b_limits.ipynb sha256:7c3bb83fed105796
# chapter 08_composition.ipynb sha256:97037c43b1b0f652
# chapter 09a_tokens.ipynb sha256:45a08779f3285455
# chapter 09b_oauth.ipynb sha256:405c161753acc817
# chapter 10_icons.ipynb sha256:3971192b1bc68e16
# chapter 11a_apis.ipynb sha256:e44375c498a8f0f1
# chapter 11b_openapi.ipynb sha256:3891a1f4a88eab97
# chapter 12a_running.ipynb sha256:b225c7e8bf8763ce
# chapter 14a_settings.ipynb sha256:53eebbe18a865f00
# chapter 14b_neighbours.ipynb sha256:6e2ae94458002d7c
# chapter 14c_traces.ipynb sha256:3b33792a360d3df4
# this file, but for this line, sha256:b512e2fbc03aafc9

import argparse
import asyncio
import hashlib
import hmac
import json
import logging
import math
import os
import re
import signal
import socket
import sqlite3
import struct
import sys
import threading
import time
import traceback
import uuid
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    closing,
    contextmanager,
    suppress,
)
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import cache, partial, wraps
from ipaddress import ip_address
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anyio
import anyio.abc
import httpx2
from cachetools import TTLCache
from cryptography.fernet import Fernet, MultiFernet
from dotenv import dotenv_values
from fastmcp import Context, FastMCP
from fastmcp.exceptions import (
    AuthorizationError,
    FastMCPError,
    NotFoundError,
    ResourceError,
    ToolError,
    ValidationError as BadArguments,
)
from fastmcp.prompts import Message, Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.auth import (
    AccessToken,
    AuthContext,
    AuthProvider,
    RemoteAuthProvider,
    TokenVerifier,
)
from fastmcp.server.dependencies import (
    get_access_token,
    get_context,
    get_http_headers,
    get_http_request,
    get_session,
)
from fastmcp.server.elicitation import (
    AcceptedElicitation,
    CancelledElicitation,
    DeclinedElicitation,
    handle_elicit_accept,
    parse_elicit_response_type,
)
from fastmcp.server.lifespan import lifespan
from fastmcp.server.middleware import (
    AuthMiddleware,
    CallNext,
    Middleware,
    MiddlewareContext,
)
from fastmcp.server.middleware.caching import (
    CallToolSettings,
    ResponseCachingMiddleware,
    SharedMethodSettings,
)
from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware
from fastmcp.server.middleware.logging import StructuredLoggingMiddleware
from fastmcp.server.middleware.timing import TimingMiddleware
from fastmcp.server.providers import AggregateProvider, Provider
from fastmcp.server.sessions import SessionId, SessionProvider
from fastmcp.server.transforms import Transform
from fastmcp.telemetry import get_tracer
from fastmcp.tools import Tool, ToolResult
from fastmcp.utilities.logging import get_logger
from fastmcp.utilities.types import Image
from key_value.aio.protocols import AsyncKeyValue
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.base import BaseWrapper
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper
from key_value.aio.wrappers.fallback import FallbackWrapper
from key_value.aio.wrappers.prefix_collections import PrefixCollectionsWrapper
from key_value.aio.wrappers.timeout import TimeoutWrapper
from key_value.aio.wrappers.ttl_clamp import TTLClampWrapper
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.message import ServerMessageMetadata, SessionMessage
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
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    PromptReference,
    ResourceTemplateReference,
    SamplingMessage,
    TextContent,
    Tool as ListedTool,
    ToolAnnotations,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from opentelemetry import trace
from opentelemetry.propagate import inject
from opentelemetry.trace import Span, SpanKind
from platformdirs import user_data_path
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, computed_field
from sqlalchemy import (
    URL,
    Column,
    Date,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sse_starlette.sse import AppStatus
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

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


# %% 05_storage.ipynb#file-store  In files
def folder_at(address: str) -> Path:
    """The folder that a file:/// address names; on Windows, file:///C:/desk is C:\\desk."""
    return Path(url2pathname(address.removeprefix("file://")))


def file_store(folder: Path) -> AsyncKeyValue:
    """A store of files in a folder. Any text may be a key: the file's name is made from it."""
    from key_value.aio.stores.filetree import (
        FileTreeStore,
        FileTreeV1CollectionSanitizationStrategy,
        FileTreeV1KeySanitizationStrategy,
    )

    return FileTreeStore(
        data_directory=folder,
        key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(folder),
        collection_sanitization_strategy=FileTreeV1CollectionSanitizationStrategy(folder),
    )


# %% 05_storage.ipynb#hashed-keys  Encrypted
Entry = tuple[dict[str, Any] | None, float | None]  # a value, and the seconds that it has left


def hashed(keys: list[str]) -> list[str]:
    """What stands for keys where others look: a key can be a secret, as a session's id is."""
    return [hashlib.sha256(key.encode()).hexdigest() for key in keys]


# %% 05_storage.ipynb#guarded  Encrypted
class Guarded(BaseWrapper):
    """A store that others may read and write: they find no keys in it, and are not believed.

    What is not encrypted was not written by this server, so it counts as missing.
    """

    def __init__(self, key_value: AsyncKeyValue) -> None:
        self.key_value = key_value

    async def ttl_many(self, keys: list[str], **options: Any) -> list[Entry]:
        found = await self.key_value.ttl_many(hashed(keys), **options)
        return [pair if "__encrypted_data__" in (pair[0] or {}) else (None, None) for pair in found]

    async def ttl(self, key: str, **options: Any) -> Entry:
        return (await self.ttl_many([key], **options))[0]

    async def get_many(self, keys: list[str], **options: Any) -> list[dict[str, Any] | None]:
        return [value for value, _ in await self.ttl_many(keys, **options)]

    async def get(self, key: str, **options: Any) -> dict[str, Any] | None:
        return (await self.ttl(key, **options))[0]

    async def put_many(self, keys: list[str], values: list[dict], **options: Any) -> None:
        await self.key_value.put_many(hashed(keys), values, **options)

    async def put(self, key: str, value: dict[str, Any], **options: Any) -> None:
        await self.put_many([key], [value], **options)

    async def delete_many(self, keys: list[str], **options: Any) -> int:
        return await self.key_value.delete_many(hashed(keys), **options)

    async def delete(self, key: str, **options: Any) -> bool:
        return await self.delete_many([key], **options) == 1


# %% 05_storage.ipynb#open-store  One address for the desk
def open_store(address: str, keys: list[bytes]) -> AsyncKeyValue:
    """The key-value store at an address. What leaves this process is encrypted.

    An entry that no key opens is a miss. The prefix keeps this server's entries apart from those
    of others in the same store.
    """
    if address == "memory://":
        return MemoryStore(max_entries_per_collection=10_000)
    in_files = address.startswith("file:")
    store = file_store(folder_at(address)) if in_files else valkey_store(address)
    locks = MultiFernet([Fernet(key) for key in keys])
    locked = FernetEncryptionWrapper(Guarded(store), fernet=locks, raise_on_decryption_error=False)
    return PrefixCollectionsWrapper(locked, prefix="library-desk")


# %% 05_storage.ipynb#setting  One address for the desk
Value = TypeVar("Value")


def showable(name: str, text: str) -> str:
    """What a log may have of a variable: an address's scheme, a short plain text, or the length."""
    scheme, address, _ = text.partition("://")
    if not re.search("KEY|SECRET|TOKEN|PASSWORD", name):
        if address and re.fullmatch(r"[a-zA-Z0-9+.-]{1,16}", scheme):
            return f"'{scheme}://...'"
        if re.fullmatch(r"[a-zA-Z0-9 ,./_-]{1,16}", text):
            return repr(text)
    return f"{len(text)} characters"


# %% 05_storage.ipynb#store-settings  One address for the desk
def store_address(text: str) -> str:
    """An address that `open_store` can open; a folder is made where it is missing."""
    if re.match("file:///.", text):
        try:
            folder_at(text).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            raise ValueError from None
    elif text != "memory://":
        parts = urlsplit(text)  # this, and asking for the port, may raise ValueError, too
        if parts.scheme not in ("redis", "rediss") or not parts.hostname or parts.port == 0:
            raise ValueError
        if not re.fullmatch("/?[0-9]*", parts.path):
            raise ValueError
    return text


def store_keys(text: str) -> list[bytes]:
    """Fernet keys with commas between them: the first one writes, all of them read."""
    keys = [key.strip() for key in text.split(",")] if text else []
    if not all(re.fullmatch("[A-Za-z0-9_-]{43}=", key) for key in keys):
        raise ValueError  # Fernet itself ignores what stands behind a key
    return [key.encode() for key in keys]


# %% 06a_lifespan.ipynb#database-address  A database at an address
def database_address(text: str) -> URL:
    """The address of a SQLite file or of a PostgreSQL database, however its host spells it."""
    try:
        url = make_url(re.sub(r"^postgres\b", "postgresql", text))
    except ArgumentError as error:
        raise ValueError(text) from error
    url = url.set(drivername=url.get_backend_name())  # whatever driver it names, we bring our own
    if url.drivername == "postgresql":
        return url
    if url.drivername != "sqlite" or url.host or url.database in (None, "", ":memory:"):
        raise ValueError(text)
    return url.set(database=str(Path(url.database).expanduser().absolute()))


# %% 08_composition.ipynb#web-address  A partner library
def web_address(text: str) -> str:
    """An http or https address, without a slash at its end; or nothing."""
    if text and not re.match(r"https?://[^/]", text):
        raise ValueError(text)
    return text.rstrip("/")


# %% 09a_tokens.ipynb#what-auth-takes  Whose key
DESK_SCOPES = ["desk:read", "desk:lend", "desk:register"]


def https_address(text: str) -> str:
    """An https address, or nothing; http to this machine only, where nobody else hears a token."""
    host = r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))"
    if text and not re.fullmatch(host + r"(:\d{1,5})?(/[^\s#]*)?", text):
        raise ValueError(text)
    return text


def public_key(text: str) -> str:
    """A public key in PEM, or the path of a file that holds one."""
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        is_pem = "-----BEGIN" in text
        pem = text.replace("\\n", "\n") if is_pem else Path(text).read_text(encoding="ascii")
        load_pem_public_key(pem.encode())
    except Exception:  # no such file, no PEM, a private key, a kind of key that nobody knows
        raise ValueError("no public key") from None
    return pem


def signature_algorithm(text: str) -> str:
    """A JWS algorithm with a public key; never HMAC, whose key would be a secret that we share."""
    if not re.fullmatch("(RS|PS|ES)(256|384|512)|EdDSA", text):
        raise ValueError(text)
    return text


# %% 09a_tokens.ipynb#token-verifier  Ask the issuer
AUTH_KINDS = ("none", "jwt", "introspection", "remote", "oauth-proxy")


def auth_kind(text: str) -> str:
    """One of AUTH_KINDS."""
    if text not in AUTH_KINDS:
        raise ValueError(text)
    return text


# %% 09b_oauth.ipynb#proxy-settings  A proxy for clients that nobody knows
def desk_scopes(text: str) -> list[str]:
    """Some of DESK_SCOPES with spaces between them, desk:read among them."""
    scopes = text.split()
    if "desk:read" not in scopes or not set(scopes) <= set(DESK_SCOPES):
        raise ValueError(text)
    return scopes


def signing_key(text: str) -> bytes:
    """A key to sign tokens with, at least 256 bits long."""
    if len(text.encode()) < 32:
        raise ValueError("too short")
    return text.encode()  # as bytes it is used as it is; a str would be stretched for half a second


def redirect_uris(text: str) -> list[str]:
    """Where clients may be sent back to, with commas between: a full address, or any port here."""
    here = r"http://(localhost|127\.0\.0\.1)(:\*|:\d+)?(/[\w./-]*)?"
    elsewhere = r"(?!http:)[a-z][a-z0-9+.-]*://[\w.:-]+/[\w./-]+"
    uris = [uri.strip() for uri in text.split(",")]
    if not all(re.fullmatch(f"{here}|{elsewhere}", uri) for uri in uris):
        raise ValueError(text)
    return uris


# %% 09b_oauth.ipynb#oauth-proxy  A proxy for clients that nobody knows
LOOPBACK = "http://localhost:*,http://127.0.0.1:*"
YEAR = 31_536_000  # seconds


# %% 11a_apis.ipynb#settings  The tool
def header_word(text: str) -> str:
    """A text that fits into a header: visible ASCII without spaces."""
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError(text)
    return text


# %% 11b_openapi.ipynb#refresh  The desk offers the office
def seconds(text: str) -> int:
    """A number of seconds, at least one."""
    if int(text) < 1:
        raise ValueError(text)
    return int(text)


# %% 14a_settings.ipynb#setting  All that is wrong, at once
def setting(name: str, text: str | None, read: Callable[[str], Value], takes: str) -> Value:
    """What a variable says, as `read` understands it; else a ValueError whose text is one line.

    `read` raises ValueError for what it does not understand. No text: the variable is missing.
    """
    try:
        if text is None:
            raise ValueError
        return read(text)
    except ValueError:
        got = "nothing" if text is None else showable(name, text)
        raise ValueError(f"{name}: got {got}; it takes {takes}.") from None


# %% 14a_settings.ipynb#variables  All that is wrong, at once
@dataclass(frozen=True, slots=True)
class Variables:
    """Where settings are read from. Each fault is noted, so that all can be named at once."""

    given: Mapping[str, str]
    faults: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        """What a variable says. An empty one is as good as none."""
        return (self.given.get(name) or "").strip()

    def read(
        self, name: str, read: Callable[[str], Any], takes: str, default: str | None = None
    ) -> Any:
        """A setting, or None where it is bad; without a default there must be one."""
        try:
            return setting(name, self.text(name) or default, read, takes)
        except ValueError as error:
            self.faults.append(str(error))
            return None


# %% 14a_settings.ipynb#settings  One frozen object
@dataclass(frozen=True, slots=True)
class Settings:
    """All that the environment decides; what may hold a secret is not shown."""

    data: Path
    database_url: URL = field(repr=False)
    store_url: str = field(repr=False)
    store_keys: list[bytes] = field(repr=False)
    rate_limit: RateLimitItem
    partner_url: str
    acquisitions_url: str
    acquisitions_token: str = field(repr=False)
    acquisitions_refresh: int
    auth: str
    auth_details: Mapping[str, Any] = field(repr=False)


# %% 14a_settings.ipynb#stores-and-office  One frozen object
def store_settings(variables: Variables) -> dict[str, Any]:
    """Where sessions and answers are kept. A key is needed where others could read them."""
    either = "STORE_URL" if variables.text("STORE_URL") else "REDIS_URL"  # as hosts call theirs
    takes = "memory://, file:///FOLDER or redis://HOST:PORT"
    url = variables.read(either, store_address, takes, "memory://")
    takes = "Fernet keys with commas between them, the one that writes first"
    without = "" if url in ("memory://", None) else None
    return {
        "store_url": url,
        "store_keys": variables.read("STORE_KEY", store_keys, takes, without),
    }


def office_settings(variables: Variables) -> dict[str, Any]:
    """The acquisitions office, if there is one; then it wants a token."""
    read = variables.read
    takes = "the http(s) address of the acquisitions office"
    url = read("ACQUISITIONS_URL", web_address, takes, "")
    takes = "the desk's token at the acquisitions office"
    token = read("ACQUISITIONS_TOKEN", header_word, takes, None if url else "")
    refresh = read("ACQUISITIONS_REFRESH", seconds, "whole seconds, one or more", "300")
    return {
        "acquisitions_url": url,
        "acquisitions_token": token,
        "acquisitions_refresh": refresh,
    }


# %% 14a_settings.ipynb#proxy-settings  One frozen object
def read_proxy_details(read: Callable[..., None]) -> None:
    """The AUTH_ variables that only the OAuth proxy needs."""
    address = "an https address at the issuer"
    read("AUTHORIZE_URL", https_address, address)
    read("TOKEN_URL", https_address, address)
    read("REVOKE_URL", https_address, address, "")
    read("REDIRECT_URIS", redirect_uris, "addresses of clients, with commas", LOOPBACK)
    read("SIGNING_KEY", signing_key, "32 or more random characters")


# %% 14a_settings.ipynb#auth-settings  One frozen object
def auth_details(kind: str | None, variables: Variables) -> Mapping[str, Any]:
    """What the AUTH_ variables say, as far as this kind of AUTH needs them."""
    found: dict[str, Any] = {}
    if kind in ("none", None):
        return found

    def read(name: str, *how: Any) -> None:
        found[name.lower()] = variables.read(f"AUTH_{name}", *how)

    proxy = kind == "oauth-proxy"
    asks = kind == "introspection" or (kind != "jwt" and variables.text("AUTH_INTROSPECTION_URL"))
    if kind in ("remote", "oauth-proxy"):
        scopes = " ".join(DESK_SCOPES)
        read("BASE_URL", https_address, "the https address of this server")
        read("SCOPES", desk_scopes, f"some of {scopes}, the first among them", scopes)
    if proxy:
        read_proxy_details(read)
    if proxy or asks:
        read("CLIENT_ID", str, "the desk's name at the issuer")
        read("CLIENT_SECRET", str, "the desk's secret at the issuer")
    if asks:
        read("INTROSPECTION_URL", https_address, "an https address")
    elif variables.text("AUTH_PUBLIC_KEY"):
        read("PUBLIC_KEY", public_key, "a public key in PEM, or a file with one")
    else:
        read("JWKS_URI", https_address, "the https address of a JWKS")
    if not asks:
        read("ALGORITHM", signature_algorithm, "RS256, ES256 or EdDSA", "RS256")
    if not asks or kind == "remote":
        read("ISSUER", https_address, "the issuer's address, as its tokens have it")
    # No client holds the tokens behind the proxy, and the proxy got each itself.
    read("AUDIENCE", str, "this server, as the issuer's tokens name it", "" if proxy else None)
    return MappingProxyType(found)


# %% 14a_settings.ipynb#read-settings  One frozen object
def read_settings(given: Mapping[str, str]) -> Settings:
    """The settings that variables make. Where any is bad, the program ends, and names them all."""
    variables = Variables(given)
    read = variables.read
    kinds = f"{', '.join(AUTH_KINDS[:-1])} or {AUTH_KINDS[-1]} (FASTMCP_SERVER_AUTH does nothing)"
    # Who sets FastMCP's old variable believes that the desk is locked.
    auth = read("AUTH", auth_kind, kinds, None if "FASTMCP_SERVER_AUTH" in given else "none")
    settings = Settings(
        data=read("DESK_DATA", Path, "a folder", str(Path(__file__).parent / "notebooks" / "data")),
        database_url=read(
            "DATABASE_URL",
            database_address,
            "sqlite:////FILE or postgresql://USER:PASSWORD@HOST/NAME",
            f"sqlite:///{user_data_path('library-desk') / 'library.db'}",
        ),
        **store_settings(variables),
        rate_limit=read("RATE_LIMIT", parse, "calls for each client, as 600/minute", "600/minute"),
        partner_url=read("PARTNER_URL", web_address, "the http(s) address of an MCP server", ""),
        **office_settings(variables),
        auth=auth,
        auth_details=auth_details(auth, variables),
    )
    if variables.faults:
        sys.stderr.write("".join(f"{fault}\n" for fault in variables.faults))
        raise SystemExit(2)
    return settings


# %% 14a_settings.ipynb#environment  A file beside the server
def environment(file: Path) -> dict[str, str]:
    """The variables of this process and, where it has none of that name, those in a `.env` file."""
    try:
        kept = {name: text or "" for name, text in dotenv_values(file).items()}
    except (OSError, UnicodeError):
        sys.stderr.write(f"{file.name}: got what cannot be read; it takes lines as NAME=value.\n")
        raise SystemExit(2) from None
    return {**kept, **os.environ}


SETTINGS = read_settings(environment(Path(__file__).with_name(".env")))


# %% 14a_settings.ipynb#constants  The desk reads nowhere else
STORE_URL = SETTINGS.store_url
STORE_KEYS = SETTINGS.store_keys
DATABASE_URL = SETTINGS.database_url
RATE_LIMIT = SETTINGS.rate_limit
PARTNER_URL = SETTINGS.partner_url
ACQUISITIONS_URL = SETTINGS.acquisitions_url
ACQUISITIONS_TOKEN = SETTINGS.acquisitions_token
REFRESH = SETTINGS.acquisitions_refresh
AUTH = SETTINGS.auth


def data_folder() -> Path:
    """The folder with the library's data."""
    return SETTINGS.data


# %% 14b_neighbours.ipynb#pools  Pools that close
pools: list[Callable[[], Awaitable[object]]] = []  # how to close each pool of connections


def valkey_pool(address: str, **options: Any) -> Any:
    """A pool of connections to a Valkey or Redis server, which is given a second for an answer."""
    from redis.asyncio import ConnectionPool  # only for those who use it

    limits = {"socket_connect_timeout": 1, "socket_timeout": 1}
    pool = ConnectionPool.from_url(address, **limits, **options)
    pools.append(pool.aclose)
    return pool


async def close_pools() -> None:
    """Close every pool. Each opens again for the next who needs it."""
    for close in pools:
        with suppress(Exception):  # the other side may have closed it first
            await close()


# %% 14b_neighbours.ipynb#valkey-pools  Pools that close
def valkey_store(address: str) -> AsyncKeyValue:
    """A store on a Valkey or Redis server, which is given a second, twice, for an answer."""
    from key_value.aio.stores.redis import RedisStore  # only for those who use it
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    once_more = Retry(NoBackoff(), retries=1)  # redis waits for a minute before it gives up
    pool = valkey_pool(address, decode_responses=True, retry=once_more)
    return RedisStore(client=Redis(connection_pool=pool))


def counts_in(address: str) -> SlidingWindowCounterRateLimiter:
    """Counts in a store that replicas share, or in this process where they share none."""
    if not address.startswith("redis"):
        return SlidingWindowCounterRateLimiter(MemoryStorage())
    counts = storage_from_string(
        "async+redis://localhost:6379",  # in form only: the pool knows where, and how
        implementation="redispy",
        connection_pool=valkey_pool(address),
        key_prefix="library-desk",
        wrap_exceptions=True,
    )
    return SlidingWindowCounterRateLimiter(counts)


# %% 05_storage.ipynb#the-stores  One address for the desk
DAY = 86_400  # seconds

# What must be there, or the request fails: the registrations and tokens of OAuth.
store = open_store(STORE_URL, STORE_KEYS)
# What a session holds, until a day after its last change. FastMCP looks into it at each request:
# where the store cannot be reached, there is nothing in it, and only what would write fails.
sessions = FallbackWrapper(
    TTLClampWrapper(store, min_ttl=0, max_ttl=DAY, missing_ttl=DAY), MemoryStore()
)


# %% 05_storage.ipynb#sealing  One address for the desk
def sealing(keys: list[bytes]) -> RequestStateSecurity | None:
    """Seals for questions to the client that every replica with these keys can open.

    None, without keys: FastMCP makes one that only this process knows.
    """
    derived = [hmac.digest(key, b"request state", "sha256") for key in keys]
    return RequestStateSecurity(keys=derived) if derived else None


# %% 05_storage.ipynb#instructions  One address for the desk
INSTRUCTIONS = (
    "The desk of a public library with four branches: search the catalogue, see what stands on "
    "which shelf, lend, take back and reserve. Find a book's id with find_books before you use a "
    "tool that takes one."
)


# %% 14c_traces.ipynb#request-id  Which request was that?
request_id: ContextVar[str] = ContextVar("request_id", default="")


def new_request_id() -> str:
    """The one in the header X-Request-ID, where it looks like one; else a new one."""
    given = get_http_headers().get("x-request-id", "")
    return given if re.fullmatch(r"[\w.-]{8,64}", given, re.ASCII) else uuid.uuid4().hex


# %% 14c_traces.ipynb#json-lines  Which request was that?
class JsonLines(logging.Formatter):
    """Each record as one line of JSON; of an error its kind, for its text may quote the caller.

    The whole traceback is there where whoever logs asks for it, with `exc_info`.
    """

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else sys.exception()
        said = record.getMessage()
        if error is not None:  # FastMCP's middleware ends its line with the error's text
            said = said.removesuffix(str(error)).rstrip(": ")
        try:
            line = dict(json.loads(said))  # StructuredLoggingMiddleware writes JSON itself
        except (TypeError, ValueError):
            line = {"event": said}
        if request := request_id.get():
            line["request"] = request
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["trace"] = trace.format_trace_id(span.trace_id)
        if error is not None:
            line["error"] = type(error).__name__
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": when, "level": record.levelname, **line})


# %% 07a_middleware.ipynb#plain-log  Errors, times, a log
log = get_logger("desk")  # below FastMCP's own, and so at its level
log.propagate = False  # else FastMCP's handler would write each line again
log.handlers = [logging.StreamHandler()]  # to stderr: stdout belongs to the protocol
log.handlers[0].setFormatter(JsonLines())
to_stderr = logging.StreamHandler()
to_stderr.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
logging.getLogger("fastmcp").handlers = [to_stderr]  # its own draws each traceback: half a second


# %% 07a_middleware.ipynb#scopes  Who may use what
class Scopes(AuthMiddleware):
    """Who may see and use what: a tag asks for a scope, where the caller has a token at all.

    Without a token (stdio, or AUTH=none) the caller is the one who started the server.
    """

    def __init__(self, needed: dict[str, str]) -> None:
        super().__init__(auth=self.allows)
        self.needed = needed

    def allows(self, asked: AuthContext) -> bool:
        """Whether the caller has the scopes that this tool, resource or prompt asks for."""
        if asked.token is None:
            return True
        scopes = {scope for tag, scope in self.needed.items() if tag in asked.component.tags}
        if missing := scopes.difference(asked.token.scopes):
            raise AuthorizationError(f"This needs the scope {', '.join(sorted(missing))}.")
        return True

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        token = get_access_token()
        if token is None or set(token.scopes).issuperset(self.needed.values()):
            return await call_next(context)  # nothing can be missing, and nothing is looked up
        return await super().__call__(context, call_next)


# %% 07b_limits.ipynb#schema-lookup  The list before the call
class SchemaLookup(Middleware):
    """Answer the SDK's own question for a tool's schema with this tool, outside of every layer.

    Before a sessionless call with arguments the SDK lists the tools, to compare the call's
    Mcp-Param headers with the schema. The HTTP request is then still the call, whose headers the
    SDK has checked.
    """

    async def on_list_tools(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Sequence[Tool]]
    ) -> Sequence[Tool]:
        ctx, headers = context.fastmcp_context, get_http_headers()
        if (
            headers.get("mcp-method") == "tools/call"
            and ctx.request_context.protocol_version in MODERN_PROTOCOL_VERSIONS
        ):
            tool = await ctx.fastmcp.get_tool(headers["mcp-name"])
            return [tool] if tool else []
        return await call_next(context)


# %% 07b_limits.ipynb#counted-as  Counted together
def counted_as() -> str | None:
    """Whose calls count together: a person's, an application's, an address's. None on stdio."""
    token = get_access_token()
    if token is not None:
        return f"token:{token.claims.get('sub') or token.client_id}"
    try:
        peer = get_http_request().client
    except RuntimeError:
        return None
    return f"address:{peer.host if peer else 'unknown'}"


# %% 07b_limits.ipynb#rate-limit  Counted together
class RateLimit(Middleware):
    """So many tool calls for each client, counted where every replica counts."""

    def __init__(self, rate: RateLimitItem, address: str) -> None:
        self.rate = rate
        self.together, self.alone = counts_in(address), counts_in("memory://")

    async def admit(self, client: str, counts: SlidingWindowCounterRateLimiter) -> None:
        """Count a call, or refuse it with a ToolError that says how long to wait."""
        if not await counts.hit(self.rate, client):
            free_at = (await counts.get_window_stats(self.rate, client)).reset_time
            wait = max(1, math.ceil(free_at - time.time()))
            raise ToolError(f"Too many calls: {self.rate} are allowed. Wait {wait} seconds.")

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, ToolResult]
    ) -> ToolResult:
        client = counted_as()
        try:
            await self.admit(client or "stdio", self.together if client else self.alone)
        except StorageError:  # an outage of the store is no reason to close the desk
            log.warning("The store of the rate limit does not answer: counting in this process.")
            await self.admit(client or "stdio", self.alone)
        return await call_next(context)


# %% 07b_limits.ipynb#kept-answers  The chain
VERSION = "1.0.0"


def kept_answers() -> AsyncKeyValue:
    """Where answers are kept: this version's part of the store; in memory while it is away."""
    ours = PrefixCollectionsWrapper(store, prefix=f"answers-{VERSION}")
    return FallbackWrapper(
        TimeoutWrapper(ours, timeout=0.5),
        MemoryStore(max_entries_per_collection=1_000),
        write_to_fallback=True,
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


# %% 11b_openapi.ipynb#acquisitions  The desk offers the office
@lifespan
async def acquisitions(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """Offer what the acquisitions office offers, where there is one, from when it answers."""
    if not ACQUISITIONS_URL:
        yield {}
        return
    async with Office(ACQUISITIONS_URL, ACQUISITIONS_TOKEN) as http:
        reading = asyncio.create_task(offered.keep_reading(http, await offered.read(http)))
        try:
            yield {"office": http}
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            offered.forget()


# %% 14a_settings.ipynb#verifiers  The desk reads nowhere else
def key_verifier(details: Mapping[str, Any]) -> TokenVerifier:
    """Checks tokens by the issuer's keys: those it publishes, or the one that is given."""
    from fastmcp.server.auth.providers.jwt import JWTVerifier

    class KeyVerifier(JWTVerifier):
        """A JWTVerifier that also asks from when a token holds, and that it says until when."""

        async def load_access_token(self, token: str) -> AccessToken | None:
            access = await super().load_access_token(token)
            if access is None or access.expires_at is None:
                return None
            starts = access.claims.get("nbf", 0)
            in_a_minute = time.time() + 60  # clocks differ
            return access if isinstance(starts, int | float) and starts < in_a_minute else None

    return KeyVerifier(
        public_key=details.get("public_key"),
        jwks_uri=details.get("jwks_uri"),
        algorithm=details["algorithm"],
        issuer=details["issuer"],
        audience=details["audience"] or None,
        required_scopes=["desk:read"],
    )


# %% 14a_settings.ipynb#issuer  The desk reads nowhere else
def token_verifier(details: Mapping[str, Any]) -> TokenVerifier:
    """What tells good tokens from bad: the issuer, if it can be asked, or its keys."""
    asks = "introspection_url" in details
    return introspection_verifier(details) if asks else key_verifier(details)


# %% 14a_settings.ipynb#oauth  The desk reads nowhere else
def oauth_proxy(details: Mapping[str, Any]) -> AuthProvider:
    """OAuth for clients that register themselves, before an issuer that lets none do so."""
    from fastmcp.server.auth import OAuthProxy

    class DeskProxy(OAuthProxy):
        """An OAuthProxy that lets clients ask for all scopes, not only those that all need."""

        def get_challenge_scopes(self, required_scopes: list[str] | None = None) -> list[str]:
            return details["scopes"]

    return DeskProxy(
        upstream_authorization_endpoint=details["authorize_url"],
        upstream_token_endpoint=details["token_url"],
        upstream_revocation_endpoint=details["revoke_url"] or None,
        upstream_client_id=details["client_id"],
        upstream_client_secret=details["client_secret"],
        token_verifier=token_verifier(details),
        base_url=details["base_url"],
        valid_scopes=details["scopes"],
        allowed_client_redirect_uris=details["redirect_uris"],
        jwt_signing_key=details["signing_key"],
        client_storage=TTLClampWrapper(store, min_ttl=0, max_ttl=YEAR, missing_ttl=YEAR),
        require_authorization_consent=True,
        forward_pkce=True,
    )


# %% 14a_settings.ipynb#auth-provider  The desk reads nowhere else
def auth_provider(kind: str) -> AuthProvider | None:
    """Who may use this server over HTTP.

    none: everybody. jwt, introspection: who brings a token of the issuer. remote: the same, and
    clients are told where to get one. oauth-proxy: clients get one here.
    """
    details = SETTINGS.auth_details
    if kind == "none":
        return None
    if kind in ("jwt", "introspection"):
        return token_verifier(details)
    if kind == "oauth-proxy":
        return oauth_proxy(details)
    return RemoteAuthProvider(
        token_verifier=token_verifier(details),
        # As text: AnyHttpUrl would give an issuer without a path a slash, and so another name.
        authorization_servers=[details["issuer"]],
        base_url=details["base_url"],
        scopes_supported=details["scopes"],
        challenge_scopes=details["scopes"],
        resource_name="Library desk",
    )


# %% 14b_neighbours.ipynb#issuer  Pools that close
def introspection_verifier(details: Mapping[str, Any]) -> TokenVerifier:
    """Asks the issuer about every token, each time (RFC 7662): a revoked one is refused at once."""
    from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier

    class IssuerVerifier(IntrospectionTokenVerifier):
        """An IntrospectionTokenVerifier whose pool can be closed; it goes on without one."""

        async def aclose(self) -> None:
            http, self._http_client = self._http_client, None
            if http is not None:
                await http.aclose()

    verifier = IssuerVerifier(
        introspection_url=details["introspection_url"],
        client_id=details["client_id"],
        client_secret=details["client_secret"],
        audience=details["audience"] or None,
        required_scopes=["desk:read"],
        http_client=httpx2.AsyncClient(timeout=10),  # kept: a new one reads all certificates
    )
    pools.append(verifier.aclose)
    return verifier


# %% 14b_neighbours.ipynb#library  Pools that close
@lifespan
async def library(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """Open what the desk needs, and close it, whatever happens between."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(close_pools)
        with opening("DESK_DATA", "folder", data_folder()):
            entries = first_entries()
        with opening("DATABASE_URL", "database", DATABASE_URL.set(query={})):
            database = open_database(DATABASE_URL)
            stack.push_async_callback(database.dispose)
            await open_the_books(database, entries)
        yield {"desk": Desk(database)}


# %% 14c_traces.ipynb#error-kinds  Errors in one form
KINDS = {NotFoundError: "unknown", BadArguments: "arguments", AuthorizationError: "forbidden"}


def readable(error: FastMCPError) -> FastMCPError:
    """The error as its caller may read it; one that nobody foresaw has the request's id in it."""
    masked = re.match("Error (calling|reading|rendering) ", str(error))
    if error.__cause__ is None or not masked:
        return error
    log.error("nobody foresaw this", exc_info=error.__cause__)
    return type(error)(f"{error}. Tell those who run the desk: request {request_id.get()}.")


def failure(error: FastMCPError | NotFoundError) -> ToolResult:
    """The result of a call that failed: a text for the model, and in `_meta` what programs want."""
    told = readable(error) if isinstance(error, FastMCPError) else error
    kind = "failed" if told is not error else KINDS.get(type(error), "refused")
    details = {"kind": kind, "request": request_id.get()}
    return ToolResult(content=str(told), is_error=True, meta={"library.example/error": details})


# %% 14c_traces.ipynb#requests  Errors in one form
class Requests(Middleware):
    """Gives each request an id, which its lines in the log share, and errors one form."""

    async def on_message(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        before = request_id.set(request_id.get() or new_request_id())
        try:
            return await call_next(context)
        except FastMCPError as error:
            raise readable(error) from error.__cause__
        finally:
            request_id.reset(before)

    async def on_call_tool(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, ToolResult]
    ) -> ToolResult:
        try:
            return await call_next(context)
        except (FastMCPError, NotFoundError) as error:
            return failure(error)


# %% 14c_traces.ipynb#chain  Errors in one form
def chain() -> list[Middleware]:
    """What every request passes, from the outside to the inside."""
    never = SharedMethodSettings(enabled=False)
    errors = ErrorHandlingMiddleware(
        logger=log,
        transform_errors=False,
        # It would keep a count for every method that a client makes up.
        error_callback=lambda error, context: errors.error_counts.clear(),
    )
    return [
        SchemaLookup(),
        Requests(),
        errors,
        TimingMiddleware(logger=log),
        StructuredLoggingMiddleware(logger=log),
        RateLimit(RATE_LIMIT, STORE_URL),
        Scopes({"loans": "desk:lend", "patrons": "desk:register"}),
        ResponseCachingMiddleware(
            cache_storage=kept_answers(),
            call_tool_settings=CallToolSettings(ttl=3600, included_tools=["chart_decades"]),
            read_resource_settings=never,
            get_prompt_settings=never,
            list_tools_settings=never,
            list_resources_settings=never,
            list_prompts_settings=never,
        ),
    ]


# %% 14c_traces.ipynb#tracing-lifespan  Where the time went
@lifespan
async def tracing(server: FastMCP) -> AsyncIterator[dict[str, Any]]:
    """Send spans while the desk runs, and those that wait at its end."""
    sender = span_sender()
    try:
        yield {}
    finally:
        if sender is not None:
            rest = threading.Thread(target=sender.force_flush, daemon=True)
            rest.start()
            await asyncio.to_thread(rest.join, 2)  # a collector that is away holds up nobody


# %% 14c_traces.ipynb#the-server  Where the time went
mcp = FastMCP(
    "Library desk",
    version=VERSION,
    instructions=INSTRUCTIONS,
    website_url="https://library.example",
    icons=[DESK_ICON],
    mask_error_details=True,
    lifespan=tracing | library | acquisitions,
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


# %% 06a_lifespan.ipynb#other-tables  A database at an address
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
    Column("patron_id", ForeignKey(PATRONS.c.id), nullable=False, index=True),
    Column("due", Date, nullable=False),
)
Table(
    "holds",
    TABLES,
    Column("place", Integer, primary_key=True),  # counted by the database
    Column("book_id", String, nullable=False),
    Column("patron_id", ForeignKey(PATRONS.c.id), nullable=False, index=True),
    Column("collect_at", String, nullable=False),
    UniqueConstraint("book_id", "patron_id"),
)
NUMBERS = Table(
    "numbers",
    TABLES,
    Column("of", String, primary_key=True),  # what is numbered
    Column("last", Integer, nullable=False),
)


# %% 06a_lifespan.ipynb#tables  A database at an address
HOLDS = TABLES.tables["holds"]


# %% 06a_lifespan.ipynb#open-database  A database at an address
def prepare_sqlite(connection: Any, record: Any) -> None:
    """Keep to foreign keys, which SQLite does on each connection that asks for it."""
    connection.execute("PRAGMA foreign_keys = ON")


def open_database(address: URL) -> AsyncEngine:
    """The connections to a database; the first is made when it is needed."""
    if address.drivername == "sqlite":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        # WAL lets others read while one writes; the file remembers it. Who hears "locked" here need
        # not wait: another process switches the file at this moment.
        with closing(sqlite3.connect(address.database)) as file, suppress(sqlite3.OperationalError):
            file.execute("PRAGMA journal_mode = WAL")
        # One writer at a time is SQLite's rule. Who waits for the pool's one connection waits in
        # turn; who waits for another connection's lock tries again and again.
        url = address.set(drivername="sqlite+aiosqlite")
        database = create_async_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)
        event.listen(database.sync_engine, "connect", prepare_sqlite)
        return database
    import asyncpg  # only for those who use it

    # asyncpg reads the address itself, and all that may stand in it: sslmode, sslrootcert, host.
    url = address.render_as_string(hide_password=False)
    connect = partial(asyncpg.connect, url, timeout=10, command_timeout=30)
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_pre_ping=True, hide_parameters=True
    )


# %% 06a_lifespan.ipynb#opening  All or nothing
class CannotOpen(Exception):
    """The desk cannot open. The text is one line: which setting is to blame, and what to do."""


@contextmanager
def opening(setting_name: str, what: str, which: object) -> Iterator[None]:
    """Turn whatever fails inside into CannotOpen."""
    try:
        yield
    except CannotOpen:
        raise
    except Exception as error:
        cause = getattr(error, "orig", error)  # SQLAlchemy wraps what the driver said
        why = " ".join(str(cause).split()).rstrip(".") or type(cause).__name__
        raise CannotOpen(
            f"{setting_name}: cannot open the {what} {which}: {why}. "
            f"Put that right, or name another {what} in {setting_name}."
        ) from error


# %% 06a_lifespan.ipynb#open-the-books  All or nothing
ONE_AT_A_TIME = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(684213)",  # any number, the same in every replica
}


def first_entries() -> dict[Table, list[dict[str, Any]]]:
    """What a new database begins with, from the data files."""
    known = records()
    strangers = {loan.patron_id for loan in known.loans.values()} - known.patrons.keys()
    if strangers:
        raise ValueError(f"loans.json has patrons that patrons.json lacks: {sorted(strangers)}")
    numbers = [int(id_[1:]) for id_ in known.patrons if re.fullmatch(r"p\d+", id_)]
    return {
        PATRONS: [{c.name: row[c.name] for c in PATRONS.c} for row in known.patrons.values()],
        LOANS: [loan.model_dump() for loan in known.loans.values()],
        NUMBERS: [{"of": "patrons", "last": max(numbers, default=0)}],
    }


async def open_the_books(database: AsyncEngine, entries: dict[Table, list[dict[str, Any]]]) -> None:
    """Make the tables that are missing, and begin a new database with these entries.

    Replicas that start together do this one after another, and only the first finds work.
    """
    async with database.begin() as db:
        await db.execute(text(ONE_AT_A_TIME[database.dialect.name]))
        await db.run_sync(TABLES.create_all)
        if await db.scalar(select(NUMBERS.c.last)) is None:
            for table, rows in entries.items():
                if rows:
                    await db.execute(insert(table), rows)


# %% 14b_neighbours.ipynb#desk  A health that is no burden
@dataclass
class Desk:
    """What the desk holds open while it runs, and how it was found to be within this second."""

    database: AsyncEngine
    found: TTLCache[str, asyncio.Task[dict[str, str]]] = field(
        default_factory=partial(TTLCache, maxsize=1, ttl=1)
    )


# %% 06a_lifespan.ipynb#library  All or nothing
def desk() -> Desk:
    """What the lifespan opened; only while a request is served."""
    return get_context().lifespan_context["desk"]


# %% 06a_lifespan.ipynb#ledger  A copy is lent once
async def check_patron(patron_id: str) -> None:
    """Refuse, with a ToolError, an id that no patron has."""
    query = select(PATRONS.c.id).where(PATRONS.c.id == patron_id)
    async with desk().database.connect() as db:
        if await db.scalar(query) is None:
            raise ToolError(f"No patron has the id {patron_id!r}. Ids look like 'p007'.")


async def loans_of(copies: Iterable[Copy]) -> dict[str, Loan]:
    """The loans of these copies, by the copy's id."""
    query = select(LOANS).where(LOANS.c.copy_id.in_([copy.id for copy in copies]))
    async with desk().database.connect() as db:
        loans = [Loan.model_validate(row, from_attributes=True) for row in await db.execute(query)]
    return {loan.copy_id: loan for loan in loans}


async def add_loan(loan: Loan) -> bool:
    """Note who has a copy; False where somebody has it already."""
    try:
        async with desk().database.begin() as db:
            await db.execute(insert(LOANS).values(loan.model_dump()))
    except IntegrityError:
        await check_patron(loan.patron_id)  # who may have gone in the meantime
        return False
    return True


async def remove_loan(copy_id: str) -> bool:
    """Note that a copy is back; False where nobody had it."""
    async with desk().database.begin() as db:
        gone = await db.execute(delete(LOANS).where(LOANS.c.copy_id == copy_id))
    return gone.rowcount == 1


# %% 06a_lifespan.ipynb#queue  A copy is lent once
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
        await check_patron(hold.patron_id)  # who may have gone in the meantime
        return False
    return True


async def add_patron(applicant: Application) -> str:
    """Enter a new patron, and give the id that they get."""
    count = update(NUMBERS).where(NUMBERS.c.of == "patrons").values(last=NUMBERS.c.last + 1)
    async with desk().database.begin() as db:
        patron_id = f"p{await db.scalar(count.returning(NUMBERS.c.last)):03}"
        await db.execute(insert(PATRONS).values(id=patron_id, **applicant.model_dump()))
    return patron_id


# %% 06b_state.ipynb#set-aside  A session with a name
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


@mcp.tool(tags={"catalogue"}, title="Put a book back", annotations=REMOVES)
async def put_back(book_id: str, session_id: SessionId) -> list[str]:
    """Put a book back that was set aside; gives the ids of those that still are."""
    session = await get_session(session_id)
    books = [other for other in await session.get("set aside", default=[]) if other != book_id]
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
if PARTNER_URL:
    mcp.add_provider(Partner(PARTNER_URL), namespace="partner")


# %% 09a_tokens.ipynb#caller  Who is calling
@mcp.resource("info://caller", mime_type="application/json")
def caller() -> dict[str, Any]:
    """Who you are to this desk: the subject and the scopes of your token, if you have one."""
    token = get_access_token()
    if token is None:
        return {"subject": None, "scopes": []}
    return {"subject": token.claims.get("sub"), "scopes": sorted(token.scopes)}


# %% 09b_oauth.ipynb#access-log  What the client holds
def without_query(record: logging.LogRecord) -> bool:
    """Leave the query out of a line of the access log: OAuth's codes travel in it."""
    if isinstance(record.args, tuple):
        record.args = tuple(a.partition("?")[0] if isinstance(a, str) else a for a in record.args)
    return True


logging.getLogger("uvicorn.access").addFilter(without_query)


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


# %% 11a_apis.ipynb#persist  Try again, but not everything
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
LONGEST_PAUSE = 5  # seconds


# %% 11a_apis.ipynb#complaint  Say what a model can act on
class Problem(BaseModel):
    """What an API says of a request that failed (RFC 9457)."""

    detail: str


def complaint(response: httpx2.Response) -> str:
    """Why the acquisitions office did not do what was asked, for the model that asked."""
    if response.status_code in (401, 403):
        return "The acquisitions office does not accept this desk. Tell those who run the desk."
    if response.status_code in (429, 503):
        return "The acquisitions office is busy. Try again in a minute."
    if 400 <= response.status_code < 500:
        try:
            problem = Problem.model_validate_json(response.content)
            return f"The acquisitions office refuses: {problem.detail[:300]}."
        except ValidationError:
            pass
    return f"The acquisitions office failed (HTTP {response.status_code}). Try again later."


# %% 11a_apis.ipynb#read-within  Say what a model can act on
async def read_within(response: httpx2.Response, most_bytes: int) -> httpx2.Response:
    """The response with all of its body; ToolError where that is longer."""
    body = bytearray()
    async with aclosing(response):
        async for part in response.aiter_bytes():
            body += part
            if len(body) > most_bytes:
                raise ToolError("The answer is too long. Ask for less.")
    headers = {name: response.headers.get(name, "") for name in ("Content-Type", "Retry-After")}
    return httpx2.Response(response.status_code, headers=headers, content=bytes(body))


# %% 14c_traces.ipynb#office  Where the time went
class Office(httpx2.AsyncClient):
    """The acquisitions office, and nobody else: it gives a good answer, or a ToolError."""

    def __init__(self, address: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        super().__init__(base_url=address, headers=headers, timeout=httpx2.Timeout(5, connect=2))

    def build_request(self, *args: Any, **options: Any) -> httpx2.Request:
        request = super().build_request(*args, **options)
        request.extensions["meant"] = request.headers.copy()
        return request

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        if (request.url.scheme, request.url.netloc) != (self.base_url.scheme, self.base_url.netloc):
            raise ToolError("That is not an address of the acquisitions office.")
        request.headers = request.extensions.get("meant", request.headers)  # no MCP client's
        try:
            async with asyncio.timeout(15):
                response = await persist(self._send_once, request)
        except (httpx2.TimeoutException, TimeoutError):
            raise ToolError("The acquisitions office is too slow. Try again later.") from None
        except httpx2.RequestError:
            raise ToolError("The acquisitions office does not answer. Try again later.") from None
        if response.status_code in (401, 403):
            log.error("Acquisitions office: token refused, HTTP %d", response.status_code)
        if not response.is_success:
            raise ToolError(complaint(response))
        return response

    async def _send_once(self, request: httpx2.Request) -> httpx2.Response:
        with outbound(request) as span:
            response = await super().send(request, stream=True, follow_redirects=False)
            span.set_attribute("http.response.status_code", response.status_code)
            return await read_within(response, 1_000_000)


# %% 11a_apis.ipynb#acquisitions  The tool
def office() -> Office:
    """What the lifespan opened; only while a request is served."""
    return get_context().lifespan_context["office"]


# %% 11a_apis.ipynb#suggest-purchase  The tool
class Purchase(BaseModel):
    """An order at the acquisitions office, and what it costs."""

    id: str
    title: str
    copies: int
    total_pence: int
    status: str


async def suggest_purchase(
    isbn: Annotated[str, Field(pattern=r"^97[89]\d{10}$", description="Of a title on offer")],
    copies: Annotated[int, Field(ge=1, le=20)] = 1,
    reason: Annotated[str, Field(max_length=200, description="Who asked, or why")] = "",
) -> Purchase:
    """Suggest that the library buys a title, which acquisitions_search_offers finds.

    It is paid from the year's budget. The same suggestion on the same day is the same order.
    """
    wanted = {"isbn": isbn, "copies": copies, "reason": reason}
    token = get_access_token()
    asked = [token and (token.client_id, token.claims.get("sub")), str(date.today()), wanted]
    key = str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(asked)))
    answer = await office().post("/orders", json=wanted, headers={"Idempotency-Key": key})
    try:
        return Purchase.model_validate_json(answer.content)
    except ValidationError:
        raise ToolError("It may be ordered: the office's answer is not understood.") from None


# %% 11a_apis.ipynb#purchases-at-the-desk  The tool
SPENDS = ToolAnnotations(destructive_hint=False, idempotent_hint=True, open_world_hint=True)
if ACQUISITIONS_URL:
    mcp.tool(suggest_purchase, tags={"purchases"}, title="Suggest a purchase", annotations=SPENDS)


# %% 11b_openapi.ipynb#public-part  What is offered, and as what
def public_part(document: dict[str, Any], http: Office) -> Provider:
    """What the public may read of the office's API, made from its OpenAPI document."""
    from fastmcp.server.providers.openapi import MCPType, OpenAPIProvider, RouteMap
    from fastmcp.tools import Tool

    def search_is_a_tool(route: Any, planned: MCPType) -> MCPType:
        searches = any(parameter.location == "query" for parameter in route.parameters)
        return MCPType.TOOL if searches and planned != MCPType.EXCLUDE else planned

    def describe(route: Any, component: Any) -> None:
        component.title = route.summary  # else FastMCP makes one of the name
        if isinstance(component, Tool):
            component.annotations = ToolAnnotations(read_only_hint=True, open_world_hint=True)

    reads = {"methods": ["GET"], "tags": {"public"}}
    return OpenAPIProvider(
        openapi_spec=document,
        client=http,
        route_maps=[
            RouteMap(**reads, pattern=r"\{", mcp_type=MCPType.RESOURCE_TEMPLATE),
            RouteMap(**reads, mcp_type=MCPType.RESOURCE),
            RouteMap(mcp_type=MCPType.EXCLUDE),
        ],
        route_map_fn=search_is_a_tool,
        mcp_component_fn=describe,
        mcp_names={"list_suppliers": "suppliers", "get_supplier": "supplier"},
        tags={"acquisitions"},
    )


# %% 11b_openapi.ipynb#offered  The desk offers the office
class Offered(AggregateProvider):
    """What the acquisitions office offers the public: nothing, until its document has been read."""

    document = trouble = ""

    async def read(self, http: Office) -> bool:
        """Read the office's OpenAPI document; False where it cannot be had, or made sense of."""
        trouble = ""
        try:
            async with asyncio.timeout(3):
                answer = await http.get("/openapi.json")
            if answer.text != self.document:
                part = await asyncio.to_thread(public_part, answer.json(), http)
                self.providers, self.document = [part], answer.text
        except Exception as error:  # others write that document: it may be anything
            trouble = repr(error)[:200]
        if trouble != self.trouble:
            log.warning("Acquisitions office: %s", trouble or "read again")
            self.trouble = trouble
        return not trouble

    async def keep_reading(self, http: Office, well: bool) -> None:
        """Read it again and again: soon where it could not be read, else every REFRESH seconds."""
        pause = 1
        while True:
            await asyncio.sleep(REFRESH if well else min(pause, REFRESH))
            well = await self.read(http)
            pause = 1 if well else 2 * pause

    def forget(self) -> None:
        """Offer nothing, until the document is read again."""
        self.providers, self.document, self.trouble = [], "", ""


# %% 11b_openapi.ipynb#offered-at-the-desk  The desk offers the office
offered = Offered()
if ACQUISITIONS_URL:
    mcp.add_provider(offered, namespace="acquisitions")


# %% 12a_running.ipynb#main  Four ways to start
def port_number(text: str) -> int:
    """The number of a port; 0 lets the system choose one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"got {text!r}; it takes a number from 0 to 65535")
    return int(text)


def main() -> None:
    """Serve on stdio, or over HTTP: python server.py --transport http --port 8000."""
    from fastmcp import settings

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--transport", choices=["stdio", "http"], default=settings.transport)
    parser.add_argument("--host", default=settings.host, help="address to listen on")
    parser.add_argument(
        "--port", type=port_number, default=str(settings.port), help="port to listen on"
    )
    parser.add_argument("--path", default=settings.streamable_http_path, help="of the endpoint")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # until a server is there that ends in order
    try:
        if options.transport == "stdio":
            anyio.run(serve_stdio)
        else:
            serve_http(options.host, options.port, f"/{options.path.strip('/')}")
    except Exception as error:
        sys.exit(f"The desk: {reason(error)}")


# %% 12a_running.ipynb#reason  When it cannot start
def reason(error: BaseException) -> str:
    """What went wrong, in one line; where the log's level is DEBUG, stderr gets the traceback."""
    if log.isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error).partition("\n")[0] or type(error).__name__


def listen(host: str, port: int) -> socket.socket:
    """Have the port, or say in a line why not; port 0 is one that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    # asyncio would set it, but not for a socket that it did not make itself: without it, an answer
    # in two parts waits 40 milliseconds for the client to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


# %% 12a_running.ipynb#health  Is it well?
async def database_answers() -> None:
    """Read a row: `SELECT 1` would not even look into SQLite's file."""
    async with desk().database.connect() as db:
        await db.execute(select(PATRONS.c.id).limit(1))


async def store_answers() -> None:
    """Look something up, which need not be there."""
    await store.get("health", collection="health")


# %% 12a_running.ipynb#health-route  Is it well?
@mcp.resource("health://status", mime_type="application/json")
async def health_status() -> dict[str, str]:
    """Whether what the desk depends on answers: "ok" for each, or what went wrong."""
    return await health()


@mcp.custom_route("/health", methods=["GET"])
async def health_route(request: Request) -> JSONResponse:
    """The same for a load balancer: 200 while all is well, else 503."""
    async with Context(mcp):  # as around a tool: through it `desk` finds what the lifespan opened
        found = await health()
    status = 200 if set(found.values()) == {"ok"} else 503
    return JSONResponse(found, status, {"Cache-Control": "no-store"})


# %% 12a_running.ipynb#on-signal  An end in order
LAST_CALLS = 8  # seconds that calls in flight have at the end; `docker stop` waits 10


@contextmanager
def on_signal(do: Callable[[], object]) -> Iterator[None]:
    """Call `do`, in this loop, when a signal says to end; who listened before still hears it."""
    loop, before = asyncio.get_running_loop(), dict[int, Any]()

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(do)
        before[number](number, frame)

    if threading.current_thread() is threading.main_thread():  # no other may listen
        for number in (signal.SIGINT, signal.SIGTERM):
            if callable(handler := signal.getsignal(number)):
                before[number] = handler
                signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def leave() -> None:
    """All is closed: end within a second, also where a library has left a task that never ends."""
    end = threading.Timer(1, os._exit, [0])
    end.daemon = True
    end.start()


# %% 12a_running.ipynb#until  An end in order
async def until_the_end(
    ending: asyncio.Event, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Have a request answered, but treat the end as if the client had gone."""
    unfinished = False

    async def received() -> Any:
        waits = [asyncio.ensure_future(receive()), asyncio.ensure_future(ending.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].result() if waits[0].done() else {"type": "http.disconnect"}
        finally:
            for wait in waits:
                wait.cancel()

    async def sent(message: Any) -> None:
        nonlocal unfinished
        unfinished = message.get("more_body", message["type"] == "http.response.start")
        await send(message)

    await app(scope, received, sent)
    if unfinished:  # the client is still there, and gets a whole response
        await send({"type": "http.response.body"})


# %% 12a_running.ipynb#orderly-end  An end in order
class OrderlyEnd:
    """An ASGI application whose calls in flight are answered when its server is told to end.

    The server tells its application only when the last request is over, and a handshake client
    keeps one open, with GET, as long as it lives. So sse-starlette ends every stream at the signal,
    those on which an answer is due as well. Here it does not; what GET opened ends instead.
    """

    def __init__(self, app: ASGIApp, opened: AbstractAsyncContextManager[Any]) -> None:
        self.app, self.opened = app, opened
        self.ending = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            AppStatus.disable_automatic_graceful_drain()
            with on_signal(self.ending.set):
                await self.lifespan(receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET":
            await until_the_end(self.ending, self.app, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def lifespan(self, receive: Receive, send: Send) -> None:
        stage = (await receive())["type"]
        try:
            async with self.opened:
                await send({"type": f"{stage}.complete"})
                stage = (await receive())["type"]
            await send({"type": f"{stage}.complete"})
        except Exception as error:  # Starlette would have the whole traceback logged
            await send({"type": f"{stage}.failed", "message": f"The desk: {reason(error)}"})


# %% 12a_running.ipynb#in-flight  An end in order
class InFlight(anyio.abc.ObjectSendStream[SessionMessage]):
    """One connection's messages, both ways, which end when the calls that came in are answered."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self.incoming, self.outgoing, self.calls = incoming, outgoing, set[str]()
        self.over = asyncio.Event()  # nobody waits for an answer any more
        self.over.set()

    def note(self, call: str | int, *, answered: bool) -> None:
        (self.calls.discard if answered else self.calls.add)(str(call))
        (self.over.clear if self.calls else self.over.set)()

    async def requests(self) -> AsyncIterator[SessionMessage | Exception]:
        async for item in self.incoming:
            match getattr(item, "message", None):
                case JSONRPCRequest(id=call):
                    self.note(call, answered=False)
                case JSONRPCNotification(method="notifications/cancelled", params=which):
                    self.note((which or {}).get("requestId", ""), answered=True)
            yield item
        with anyio.move_on_after(LAST_CALLS):
            await self.over.wait()

    async def send(self, item: SessionMessage) -> None:
        await self.outgoing.send(item)
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self.note(item.message.id, answered=True)

    async def aclose(self) -> None:
        await self.outgoing.aclose()


# %% 12a_running.ipynb#stdin  An end in order
class Stdin:
    """The lines that the client writes. A thread reads them, and nobody waits for it at the end."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.wire = os.dup(0)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)  # no tool, nor a child of one, reads what is not for it
        threading.Thread(target=self.read, daemon=True).start()

    def read(self) -> None:
        with open(self.wire, encoding="utf-8", errors="replace") as wire:
            for line in wire:
                self.put(line)
        self.put(None)

    def put(self, line: str | None) -> None:
        """Put a line behind the others, or, with None, the end."""
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self.loop.call_soon_threadsafe(self.lines.put_nowait, line)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (line := await self.lines.get()) is not None:
            yield line


# %% 12a_running.ipynb#serve-stdio  An end in order
async def serve_stdio() -> None:
    """Serve the client at stdin and stdout, until stdin ends or a signal comes.

    As FastMCP's own `run` does, but for the end: that one cancels the calls in flight when stdin
    ends, dies of SIGTERM with all that the lifespan opened, and at Ctrl+C waits for one more line.
    """
    from fastmcp.server.context import set_transport
    from mcp.server.stdio import stdio_server

    stdin, server = Stdin(), mcp._mcp_server
    set_transport("stdio")
    async with stdio_server(stdin=stdin) as streams:
        connection = InFlight(*streams)

        def hurry(*_: object) -> None:
            stdin.loop.call_soon_threadsafe(connection.over.set)

        def end(*_: object) -> None:
            signal.signal(signal.SIGINT, hurry)  # a second Ctrl+C waits for no call
            stdin.put(None)

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)
        await server.run(connection.requests(), connection, server.create_initialization_options())
    leave()


# %% 12a_running.ipynb#app  Over HTTP
def app(path: str | None = None) -> ASGIApp:
    """The desk for an ASGI server: uvicorn --factory server:app --timeout-graceful-shutdown 8.

    It serves its own names only, and those in FASTMCP_HTTP_ALLOWED_HOSTS; `/health` is for a load
    balancer, which may call it by a number.
    """
    web = mcp.http_app(path=path, host_origin_protection=True)
    doors = Router([Route("/health", health_route), Mount("/", web)])
    return OrderlyEnd(doors, web.lifespan(web))


# %% 12a_running.ipynb#serve-http  Over HTTP
def serve_http(host: str, port: int, path: str) -> None:
    """Serve over HTTP until a signal comes."""
    import uvicorn  # only here: a host that imports this file brings its own server

    listener = listen(host, port)
    address, port = listener.getsockname()[:2]
    if AUTH == "none" and not ip_address(address).is_loopback:
        log.warning("AUTH=none, and %s is no loopback address: anybody may call", host)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                name = f"[{host}]" if ":" in host else host
                log.info("Library desk running on http://%s:%s with MCP at %s", name, port, path)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            end = asyncio.ensure_future(super().shutdown(sockets))
            # At a second Ctrl+C uvicorn itself would wait on, from Python 3.12 on.
            while not (end.done() or self.force_exit):
                await asyncio.wait([end], timeout=0.1)
            leave()

    config = uvicorn.Config(
        app(path),
        access_log=False,  # the desk logs every request itself
        log_config=None,  # uvicorn's own would write to stdout
        timeout_graceful_shutdown=LAST_CALLS,
        ws="none",
    )
    Server(config).run([listener])


# %% 14b_neighbours.ipynb#persist  Try again, by a library
async def persist(
    send: Callable[[httpx2.Request], Awaitable[httpx2.Response]], request: httpx2.Request
) -> httpx2.Response:
    """Send a request; up to three times, where a second time does no harm.

    The answer, or the error, is that of the last time.
    """
    if request.method not in IDEMPOTENT and "Idempotency-Key" not in request.headers:
        return await send(request)
    from tenacity import AsyncRetrying, RetryCallState, stop_after_attempt, wait_random_exponential

    longer = wait_random_exponential(multiplier=0.4, max=LONGEST_PAUSE)

    def pause(state: RetryCallState) -> float:
        """As long as the server says; else longer each time, and at random: others wait, too."""
        told = "" if state.outcome.failed else state.outcome.result().headers.get("Retry-After", "")
        return float(told) if told.isdecimal() else longer(state)

    def again(state: RetryCallState) -> bool:
        """Whether there was no answer, or one that says: soon."""
        if error := state.outcome.exception():
            slow = isinstance(error, httpx2.TimeoutException)  # more requests make it slower
            return isinstance(error, httpx2.TransportError) and not slow
        return state.outcome.result().status_code in (429, 503) and pause(state) <= LONGEST_PAUSE

    retrying = AsyncRetrying(
        stop=stop_after_attempt(3),
        retry=again,
        wait=pause,
        retry_error_callback=lambda state: state.outcome.result(),
    )
    return await retrying(send, request)


# %% 14b_neighbours.ipynb#examine  A health that is no burden
async def examine() -> dict[str, str]:
    """What the desk depends on: "ok", or the kind of error that came within two seconds."""

    async def checked(name: str, check: Callable[[], Awaitable[None]]) -> str:
        try:
            async with asyncio.timeout(2):
                await check()
            return "ok"
        except Exception as error:
            kind, why = type(error).__name__, reason(error)
        log.warning("%s: %s", name, why)  # the answer, which is public, has the kind alone
        return kind

    checks = {"database": database_answers, "store": store_answers}
    found = await asyncio.gather(*(checked(name, check) for name, check in checks.items()))
    return dict(zip(checks, found, strict=True))


# %% 14b_neighbours.ipynb#health  A health that is no burden
async def health() -> dict[str, str]:
    """What `examine` finds, or found less than a second ago: many who ask are one question."""
    found = desk().found
    task = found.get("all")
    if task is None:
        task = found["all"] = asyncio.create_task(examine())
    return await asyncio.shield(task)  # others wait for it, too


# %% 14c_traces.ipynb#as-json  Errors in one form
ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


def as_json(value: Any) -> str:
    """JSON of models, dates, sets, and lists of those."""
    return ANYTHING.dump_json(value).decode()


# %% 14c_traces.ipynb#json-resources  Errors in one form
@mcp.resource("book://{book_id}", mime_type="application/json")
async def book_record(book_id: str) -> str:
    """A book of the catalogue, with the shelf or the loan of each of its copies."""
    if book_id not in records().books:
        raise ResourceError(f"No book has the id {book_id!r}.")
    return as_json(await where_is(book_id))


@mcp.resource("shelf://{branch}/{shelf}", mime_type="application/json")
async def books_on_shelf(branch: str, shelf: str) -> str:
    """The books that stand on one shelf of one branch now, such as shelf://Leith/FR-V."""
    copies = [c for c in records().copies.values() if (c.branch, c.shelf) == (branch, shelf)]
    if not copies:
        raise ResourceError(f"No branch {branch!r} with a shelf {shelf!r}.")
    return as_json([records().books[copy.book] for copy in await on_shelf(copies)])


@mcp.resource("catalogue://search{?words,language,limit}", mime_type="application/json")
async def search_results(
    words: str = "",
    language: str | None = None,
    limit: Annotated[int, Field(ge=1, le=50)] = 10,
) -> str:
    """The same search as find_books, as an address that can be kept and read again."""
    return as_json(await find_books(words, language, limit=limit))


# %% 14c_traces.ipynb#outbound  Where the time went
@contextmanager
def outbound(request: httpx2.Request) -> Iterator[Span]:
    """A span around a request to another server, which is told in the header traceparent."""
    details = {
        "http.request.method": request.method,
        "server.address": request.url.host,
        "url.path": request.url.path,  # without the query, in which secrets travel
    }
    start = get_tracer().start_as_current_span
    with start(request.method, kind=SpanKind.CLIENT, attributes=details) as span:
        inject(request.headers)
        yield span


# %% 14c_traces.ipynb#tracing  Where the time went
@cache
def span_sender() -> Any:
    """What sends spans where the OTEL_ variables say; None without, or where a host sees to it."""
    ends = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    wanted = any(map(os.environ.get, ends)) and os.environ.get("OTEL_TRACES_EXPORTER") != "none"
    if not wanted or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME") or "library-desk"
    about = Resource.create({"service.name": name, "service.version": VERSION})
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


# %% How the server starts when this file is run
if __name__ == "__main__":
    main()
