"""An OpenAPI document, read for a workspace: what each operation becomes, and the cells that say so."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import combining, normalize
from urllib.parse import urljoin, urlsplit

from mcp_workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from fastmcp.utilities.openapi import HTTPRoute

LARGEST = 20_000_000  # characters of a document, read or written
LONGEST = 56  # characters of a name: FastMCP cuts off the rest
OFFERED = ("GET", "POST", "PUT", "PATCH", "DELETE")
VERBS = {"POST": "create", "PUT": "replace", "PATCH": "update", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API: its place in the document, its id there, its name for a model, and what it
    becomes (a name of MCPType)."""

    method: str
    path: str
    id: str
    name: str
    kind: str
    old: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A document as a workspace keeps it, and what was read from it."""

    text: str
    title: str
    base_url: str
    operations: tuple[Operation, ...]
    credential: Credential
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credential:
    """How the API wants its token: the name of the scheme, in words, and as arguments of an HTTP client.

    Without a scheme all three are empty.
    """

    scheme: str = ""
    words: str = ""
    arguments: str = ""


def read(source: str) -> Document:
    """Read the document at a path or an http(s) URL; JSON or YAML, OpenAPI 3.0 or 3.1.

    Raises:
        WorkbenchError: It cannot be had, is no such document, or has no operation that could be offered.

    >>> read("tides.yaml").operations[0].name
    'list_harbours'
    """
    return described(parsed(_fetched(source), source), source)


def is_url(source: str) -> bool:
    """Is it an address, and no path?"""
    return source.startswith(("http://", "https://"))


# Getting it -------------------------------------------------------------------------------------------------


def _fetched(source: str) -> str:
    if not is_url(source):
        try:
            return Path(source).read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            raise WorkbenchError(
                f"{source}: cannot be read: {error}. Name a file or an http(s) URL."
            ) from error
    import httpx2

    shown = source.partition("?")[0]  # a query may hold a token
    try:
        with httpx2.stream("GET", source, timeout=20, follow_redirects=True) as answer:
            answer.raise_for_status()
            pieces: list[str] = []
            for piece in answer.iter_text():
                pieces.append(piece)
                if sum(map(len, pieces)) > LARGEST:
                    raise WorkbenchError(f"{shown}: more than {LARGEST:,} characters, which is no document.")
    except httpx2.HTTPStatusError as error:
        said = error.response
        raise WorkbenchError(
            f"{shown}: answers {said.status_code} {said.reason_phrase}. Save the document, and name the file."
        ) from None
    except (httpx2.RequestError, httpx2.InvalidURL, ValueError) as error:
        why = str(error).rstrip(".") or type(error).__name__
        raise WorkbenchError(
            f"{shown}: cannot be reached: {why}. Save the document, and name the file."
        ) from None
    return "".join(pieces)


def parsed(text: str, source: str) -> dict[str, Any]:
    """The document that a text holds, in JSON or YAML.

    Raises:
        WorkbenchError: It is neither, or not OpenAPI 3.0 or 3.1.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = _yaml(text, source)
    if not isinstance(found, dict) or not {"openapi", "swagger"} & found.keys():
        raise WorkbenchError(f"{source}: not an OpenAPI document: it has no key `openapi` at its top.")
    if "swagger" in found:
        raise WorkbenchError(
            f"{source}: written in Swagger {found['swagger']}, and OpenAPI 3.0 or 3.1 is needed. Convert it, "
            "for example with `npx swagger2openapi`."
        )
    if not re.match(r"3\.[01](\.|$)", str(found["openapi"])):
        raise WorkbenchError(f"{source}: written in OpenAPI {found['openapi']}, and 3.0 or 3.1 is needed.")
    return found


def _yaml(text: str, source: str) -> Any:
    import yaml  # type: ignore[import-untyped]

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """YAML as JSON has it: a day is a text."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise WorkbenchError(f"{source}: neither JSON nor YAML: {why}") from None


# What it says -----------------------------------------------------------------------------------------------


def described(document: dict[str, Any], source: str) -> Document:
    """What a document says, and the text under which it is saved: as it is, with an id for each operation.

    Raises:
        WorkbenchError: FastMCP cannot read it, or it has no operation that could be offered.
    """
    document = json.loads(_text(document, source))  # a copy, whose keys are texts
    if elsewhere := next(_elsewhere(document), None):
        raise WorkbenchError(
            f"{source}: refers to {elsewhere}, and one document is read. Bundle what belongs to it, "
            "for example with `npx @redocly/cli bundle`."
        )
    named = _with_ids(document)
    routes = _routes(document, source)
    old = {
        (method, path) for method, path, operation in _each(document) if operation.get("deprecated") is True
    }
    operations = tuple(_operations(routes, old))
    if all(operation.kind == "EXCLUDE" for operation in operations):
        raise WorkbenchError(f"{source}: describes no operation that is in use ({', '.join(OFFERED)}).")
    base_url = _base_url(document, source)
    credential, more = _credential(document)
    notes = []
    if named:
        notes.append(f"{named} operation(s) had no operationId: the saved document has one made of the path")
    if not base_url:
        notes.append("the document names no address of the API: the environment must")
    if more:
        notes.append(f"the API also knows {', '.join(more)}: only {credential.scheme} is sent")
    title = " ".join(str(document["info"].get("title") or "API").split())[:60]
    return Document(_text(document, source), title, base_url, operations, credential, tuple(notes))


def _text(document: dict[str, Any], source: str) -> str:
    """The document as JSON. Aliases of YAML can make a few lines endless."""
    pieces: list[str] = []
    size = 0
    try:
        for piece in json.JSONEncoder(indent=1, ensure_ascii=False, allow_nan=False).iterencode(document):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST:
                raise ValueError(f"it has more than {LARGEST:,} characters")
        text = "".join(pieces) + "\n"
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WorkbenchError(f"{source}: cannot be saved as JSON: {error}.") from None
    return text


def _each(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and content of each operation."""
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if str(method).upper() in OFFERED and isinstance(operation, dict):
                yield str(method).upper(), str(path), operation


def _with_ids(document: dict[str, Any]) -> int:
    """Give an id to each operation that has none, for FastMCP knows names by ids; gives how many."""
    nameless = [found for found in _each(document) if not found[2].get("operationId")]
    for method, path, operation in nameless:
        operation["operationId"] = f"{method.lower()} {path}"
    return len(nameless)


def _routes(document: dict[str, Any], source: str) -> list[HTTPRoute]:
    """The operations as FastMCP reads them, references resolved."""
    from fastmcp.utilities.openapi import parse_openapi_to_http_routes

    logging.disable(logging.CRITICAL)  # FastMCP logs at length what it also raises
    try:
        routes = parse_openapi_to_http_routes(document)
    except Exception as error:  # whatever a stranger's document brings about
        raise WorkbenchError(f"{source}: not a valid OpenAPI document: {_reason(error)}.") from None
    finally:
        logging.disable(logging.NOTSET)
    return [route for route in routes if route.method in OFFERED]


def _reason(error: Exception) -> str:
    """What is wrong, and where; FastMCP's own text holds every part of the document that is."""
    from pydantic import ValidationError

    if isinstance(error.__cause__, ValidationError):
        first = error.__cause__.errors()[0]
        return f"{'/'.join(map(str, first['loc']))}: {first['msg']}"
    return " ".join(str(error).split())[:200].rstrip(".")


def _elsewhere(part: Any) -> Iterator[str]:
    """References to other documents, which FastMCP would leave out without a word."""
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            yield reference
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        yield from _elsewhere(inner)


def _operations(routes: list[HTTPRoute], deprecated: Set[tuple[str, str]]) -> Iterator[Operation]:
    taken: set[str] = set()
    for route in routes:
        identifier = str(route.operation_id)
        name = first = name_of(route.method, route.path, identifier)
        number = 1
        while name in taken:
            number += 1
            name = f"{first[: LONGEST - len(str(number)) - 1]}_{number}"
        taken.add(name)
        old = (route.method, route.path) in deprecated
        yield Operation(route.method, route.path, identifier, name, "EXCLUDE" if old else _kind(route), old)


def _kind(route: HTTPRoute) -> str:
    """What an operation becomes. An address can carry what stands in a path, and nothing else."""
    if route.method != "GET" or route.request_body is not None:
        return "TOOL"
    places = {parameter.location for parameter in route.parameters}
    if places - {"path"}:
        return "TOOL"
    return "RESOURCE_TEMPLATE" if places else "RESOURCE"


def name_of(method: str, path: str, identifier: str) -> str:
    """A name that a model can read, from the operation's id, or from its method and path.

    >>> name_of("GET", "/pets/{petId}", "getPetById"), name_of("GET", "/pets/{petId}", "get /pets/{petId}")
    ('get_pet_by_id', 'get_pet')
    """
    made_by_fastapi = re.sub(r"\W", "_", path) + f"_{method.lower()}"
    if identifier.endswith(made_by_fastapi):
        identifier = identifier.removesuffix(made_by_fastapi)
    if "/" in identifier or not identifier:
        identifier = _from_path(method, path)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", identifier)
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", spaced)
    name = _slug(spaced) or _slug(_from_path(method, path))
    while len(name) > LONGEST and "_" in name:
        name = name.rpartition("_")[0]
    return name[:LONGEST] or method.lower()


def _slug(text: str) -> str:
    """Small letters without accents, digits, and one _ for all that is between."""
    plain = "".join(sign for sign in normalize("NFKD", text.casefold()) if not combining(sign))
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _from_path(method: str, path: str) -> str:
    """`get /v1/pets/{petId}/toys` gives list_pet_toys."""
    parts = [part for part in path.split("/") if part and not re.fullmatch(r"api|v\d+", part)]
    words = [part for part in parts if "{" not in part]
    one = bool(parts) and "{" in parts[-1]
    singular = [_singular(word) for word in words]
    whole = singular if one or method == "POST" else [*singular[:-1], *words[-1:]]
    verb = VERBS.get(method) or ("get" if one else "list")
    return "_".join([verb, *whole])


PLURALS = ((r"ies$", "y"), (r"(?<=ss|us|ch|sh)es$", ""), (r"(?<=x)es$", ""), (r"(?<!s)s$", ""))


def _singular(word: str) -> str:
    for ending, instead in PLURALS:
        if re.search(ending, word):
            return re.sub(ending, instead, word)
    return word


def _base_url(document: dict[str, Any], source: str) -> str:
    """Where the API is: the document's first server, whose address may be relative to the document's."""
    servers = document.get("servers") or [{"url": "/"}]
    server = servers[0] if isinstance(servers, list) and isinstance(servers[0], dict) else {}
    url = str(server.get("url", "/"))
    for name, variable in (server.get("variables") or {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    url = urljoin(source, url) if is_url(source) else url
    parts = urlsplit(url)
    return url.rstrip("/") if is_url(url) and parts.hostname and parts.username is None else ""


def _credential(document: dict[str, Any]) -> tuple[Credential, list[str]]:
    """The scheme that the document asks for first, and the names of those that are left."""
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    schemes = {k: v for k, v in schemes.items() if isinstance(v, dict)} if isinstance(schemes, dict) else {}
    asked = [document.get("security"), *(operation.get("security") for _, _, operation in _each(document))]
    wanted = [
        name
        for requirements in asked
        if isinstance(requirements, list)
        for requirement in requirements
        if isinstance(requirement, dict)
        for name in requirement
    ]
    names = [name for name in dict.fromkeys([*wanted, *schemes]) if name in schemes]
    for name in names:
        if found := _as_sent(name, schemes[name]):
            return found, [other for other in names if other != name]
    return Credential(), []


def _as_sent(name: str, scheme: Mapping[str, Any]) -> Credential | None:
    kind, how = scheme.get("type"), str(scheme.get("scheme", "")).casefold()
    header = '{"headers": {"Authorization": f"Bearer {TOKEN}"}}'
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and how == "bearer"):
        return Credential(name, "as a bearer token", header)
    if kind == "http" and how == "basic":
        words = "as USER:PASSWORD, for basic authentication"
        return Credential(name, words, '{"auth": TOKEN.partition(":")[::2]}')
    places = {"header": "headers", "query": "params", "cookie": "cookies"}
    place, key = scheme.get("in"), str(scheme.get("name", ""))
    if kind == "apiKey" and place in places and key.isprintable() and key:
        sent = f'{{"{places[place]}": {{{quoted(key)}: TOKEN}}}}'
        where = "query parameter" if place == "query" else place
        return Credential(name, f"as the {where} `{key}`", sent)
    return None


# The cells --------------------------------------------------------------------------------------------------


def quoted(text: str) -> str:
    """A text as a literal of Python, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def words_of(document: Document, prefix: str) -> dict[str, str]:
    """What is filled in for a document: the cells with the address, the routes and the names."""
    return {
        "address_text": _address_text(document, prefix),
        "address": _address(document, prefix),
        "routes": _route_maps(document),
        "names": _names(document),
        "instructions": quoted(f"Tools and resources of the API {document.title}."),
    }


def settings_of(document: Document, prefix: str) -> dict[str, str]:
    """The environment variables that the server reads, for the README."""
    default = f"; else `{document.base_url}`" if document.base_url else "; without it no call works"
    settings = {f"{prefix}_URL": f"the address of the API{default}"}
    if document.credential.scheme:
        settings[f"{prefix}_TOKEN"] = f"the token of the API, sent {document.credential.words}"
    return settings


def _address_text(document: Document, prefix: str) -> str:
    address = (
        f"The address is the one that the document names, unless `{prefix}_URL` names another."
        if document.base_url
        else f"The document does not name its address, so `{prefix}_URL` must."
    )
    token = document.credential
    if not token.scheme:
        return f"{address} The document asks for no token; if the API does, add it to `credentials`."
    return (
        f"{address} The token comes from `{prefix}_TOKEN` and from nowhere else: it is never written down. "
        f"It is sent {token.words}, as the document's scheme `{token.scheme}` says."
    )


def _address(document: Document, prefix: str) -> str:
    default = f" or {quoted(document.base_url)}" if document.base_url else ' or ""'
    lines = [
        "#| export",
        "import os",
        "from typing import Any",
        "",
        f'BASE_URL = os.environ.get("{prefix}_URL"){default}',
    ]
    given = document.credential.arguments
    if given:
        lines.append(f'TOKEN = os.environ.get("{prefix}_TOKEN", "")')
    lines += [
        "",
        "",
        "def credentials() -> dict[str, Any]:",
        '    """What an HTTP client of the API is given, so that it sends the token."""',
        f"    return {given} if TOKEN else {{}}" if given else "    return {}",
    ]
    return "\n".join(lines)


def _route_maps(document: Document) -> str:
    lines = [
        "#| export",
        "import re",
        "",
        "from fastmcp.server.providers.openapi import MCPType, RouteMap",
        "",
        "",
        "def route(method: Any, path: str, becomes: MCPType) -> RouteMap:",
        '    """What an operation of the API becomes: the one at this path, and no other."""',
        '    return RouteMap(methods=[method], pattern=f"^{re.escape(path)}$", mcp_type=becomes)',
        "",
        "",
        "ROUTES = [",
    ]
    for item in document.operations:
        why = "  # deprecated" if item.old else ""
        lines.append(f'    route("{item.method}", {quoted(item.path)}, MCPType.{item.kind}),{why}')
    lines += ["    RouteMap(mcp_type=MCPType.EXCLUDE),  # all that is not listed", "]"]
    return "\n".join(lines)


def _names(document: Document) -> str:
    renamed = [item for item in document.operations if item.kind != "EXCLUDE" and item.id != item.name]
    if not renamed:
        return "#| export\nNAMES: dict[str, str] = {}  # an operation's id, and the name in its place"
    lines = [f"    {quoted(item.id)}: {quoted(item.name)}," for item in renamed]
    return "\n".join(["#| export", "NAMES = {", *lines, "}"])
