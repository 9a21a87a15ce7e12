"""New: what is refused, what is written, and what becomes of an OpenAPI document."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mcp_workbench.cli import main
from mcp_workbench.errors import WorkbenchError
from mcp_workbench.new import making, openapi
from mcp_workbench.new.templates import TEMPLATES
from mcp_workbench.services import serve

ANSWER = {"responses": {"200": {"description": "ok"}}}
PETS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.example/v1/"}],
    "paths": {"/pets": {"get": {"operationId": "listPets", **ANSWER}}},
}


def everything_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; its own temporary files, too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


LAUGHS = "openapi: 3.0.0\nx0: &x0 [a, a]\n" + "".join(
    f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 12)}]\n" for n in range(1, 9)
)


def refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What `new` says when it refuses, which is one line."""
    assert main(["new", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


# What is refused, and that nothing is lost --------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b", "x-", "x.", "é", "mein_schönes", ".hidden", "a\nb", "."])
def test_a_name_that_no_package_can_have(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "are allowed, such as my-server" in refused([name], capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["fastmcp", "MCP", "mcp_workbench", "nbmake"])
def test_a_name_of_what_the_workspace_requires(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "requires a package of that name" in refused([tmp_path / name], capsys)


def test_a_template_s_own_requirement_is_no_name_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", str(tmp_path / "aiosqlite"), "--dry-run"]) == 0
    capsys.readouterr()
    assert "requires" in refused([tmp_path / "aiosqlite", "--template", "sqlite"], capsys)


def test_what_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    file.write_text("mine, too")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    before = everything_in(tmp_path)
    assert "exists, and is not empty" in refused([full], capsys)
    assert "exists, and is no folder" in refused([file], capsys)
    assert "exists, and is no folder" in refused([tmp_path / "link"], capsys)
    assert "no such folder" in refused([tmp_path / "nowhere" / "x"], capsys)
    assert everything_in(tmp_path) == before


def test_a_parent_that_is_read_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o555)
    try:
        assert "is read-only" in refused([tmp_path / "x"], capsys)
        assert list(tmp_path.iterdir()) == []
    finally:
        tmp_path.chmod(0o755)


def test_what_does_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = tmp_path / "server.py"
    target = tmp_path / "x"
    assert "--spec goes with --template openapi" in refused([target, "--spec", "x.json"], capsys)
    assert "exclude each other" in refused([target, "--template", "desk", "--from", server], capsys)
    assert not target.exists()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    impossible = {"a": "a file", "a/b": "a file in a file", making.LISTING: ""}
    (tmp_path / "x").mkdir()
    with pytest.raises(WorkbenchError, match="cannot be written"):
        making._write(tmp_path / "x", impossible, may_lack_listing=False)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert everything_in(tmp_path) == {}


def test_a_server_that_does_not_load_is_not_made_of_a_document(tmp_path: Path) -> None:
    broken = {"tests/test_server.py": "raise SystemExit('no such luck')"}
    with pytest.raises(WorkbenchError, match="does not load: no such luck"):
        making._write(tmp_path / "x", broken, may_lack_listing=False)
    assert list(tmp_path.iterdir()) == []
    assert making._write(tmp_path / "x", broken, may_lack_listing=True) == "no such luck"
    assert (tmp_path / "x").exists()


# What is written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_dry_run_lists_what_is_written(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "My_server.2"
    arguments = ["new", str(target), "--template", template]
    assert main([*arguments, "--dry-run"]) == 0
    listed = [line for line in capsys.readouterr().out.splitlines() if ": " not in line]
    assert not target.exists()
    target.mkdir()  # an empty folder is as good as none
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith(f"{target}: made from the template {template}\n")
    assert listed == sorted(str(target / place) for place in everything_in(target))
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("template", TEMPLATES)
def test_nothing_is_left_to_fill_in_and_export_has_nothing_to_do(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "my-server"
    assert main(["new", str(target), "--template", template]) == 0
    for place, data in everything_in(target).items():
        text = data.decode()
        assert re.findall(r"@[a-z_]+@", text) == [], place
        assert text.endswith("\n"), place
        assert not text.endswith("\n\n"), place
        if place.endswith(".ipynb"):
            assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    assert main(["export", str(target), "--check"]) == 0
    assert main(["export", str(target)]) == 0
    assert "warning" not in capsys.readouterr().err  # every import has its requirement


def test_the_same_twice(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent).mkdir()
        assert main(["new", str(tmp_path / parent / "x"), "--template", "openapi"]) == 0
    assert everything_in(tmp_path / "a") == everything_in(tmp_path / "b")


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["new", "--help"])
    text = capsys.readouterr().out
    assert all(word in text for word in (*TEMPLATES, "--spec", "--from", "--dry-run"))


CLOCK = """\
from fastmcp import FastMCP
{more}
mcp = FastMCP("Clock")


@mcp.tool
def hours(minutes: int) -> float:
    \"\"\"Turn minutes into hours.\"\"\"
    return minutes / 60
"""


def test_from_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A workspace as of a template; the listing says what the server offers, where it can be loaded."""
    server = tmp_path / "old.py"
    server.write_text(CLOCK.format(more=""))
    assert main(["new", str(tmp_path / "clock"), "--from", str(server)]) == 0
    assert json.loads((tmp_path / "clock" / making.LISTING).read_text())["tools"] == ["hours"]
    assert main(["export", str(tmp_path / "clock"), "--check"]) == 0
    server.write_text(CLOCK.format(more="import no_such_module  # noqa: F401\n"))
    capsys.readouterr()
    assert main(["new", str(tmp_path / "broken"), "--from", str(server)]) == 0
    assert "cannot be loaded here: ModuleNotFoundError: No module named 'no_such_module'" in (
        capsys.readouterr().out
    )
    assert not (tmp_path / "broken" / making.LISTING).exists()
    assert server.read_text() == CLOCK.format(more="import no_such_module  # noqa: F401\n")


# From an OpenAPI document ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not an OpenAPI document"),
        ("<html>Not found: sorry</html>", "not an OpenAPI document"),
        ("a: [1,\nb: }", "neither JSON nor YAML"),
        ('{"swagger": "2.0", "paths": {}}', "Swagger 2.0, and OpenAPI 3.0 or 3.1 is needed"),
        (json.dumps({**PETS, "openapi": "4.0"}), "OpenAPI 4.0, and 3.0 or 3.1"),
        (json.dumps({**PETS, "info": 3}), "not a valid OpenAPI document: info: "),
        (json.dumps({**PETS, "paths": {}}), "no operation"),
        (json.dumps({**PETS, "x": {"$ref": "other.yaml#/x"}}), "refers to other.yaml#/x"),
        ("openapi: 3.0.0\ninfo: &i {title: t, again: *i}", "Circular reference"),
        (LAUGHS, "more than"),
    ],
)
def test_a_file_that_is_no_document(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec"
    spec.write_text(text)
    arguments = [tmp_path / "x", "--template", "openapi", "--spec", spec]
    said = refused(arguments, capsys)
    assert says in said
    assert str(spec) in said
    assert list(tmp_path.iterdir()) == [spec]


def test_a_document_that_cannot_be_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [tmp_path / "x", "--template", "openapi", "--spec"]
    assert "No such file" in refused([*arguments, tmp_path / "no.json"], capsys)
    said = refused([*arguments, "http://127.0.0.1:1/openapi.json?key=abc"], capsys)
    assert "cannot be reached" in said
    assert "abc" not in said
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refused([*arguments, tmp_path / "binary"], capsys)


async def test_a_document_at_a_url() -> None:
    """Its address is relative to the document's; and what a server answers instead of it is said."""
    import asyncio

    document = {**PETS, "servers": [{"url": "/v2"}]}
    app = Starlette(routes=[Route("/docs/openapi.json", lambda request: JSONResponse(document))])
    async with serve(app) as address:
        read = await asyncio.to_thread(openapi.read, f"{address}/docs/openapi.json")
        assert read.base_url == f"{address}/v2"
        with pytest.raises(WorkbenchError, match="answers 404 Not Found"):
            await asyncio.to_thread(openapi.read, f"{address}/nothing")


@pytest.mark.parametrize(
    ("method", "path", "identifier", "name"),
    [
        ("GET", "/pets/{petId}", "getPetById", "get_pet_by_id"),
        ("PUT", "/pets/{id}", "updatePETById", "update_pet_by_id"),
        ("GET", "/items", "list_items_items_get", "list_items"),
        ("GET", "/v1/pets", "get /v1/pets", "list_pets"),
        ("GET", "/pets/{id}/addresses", "get /pets/{id}/addresses", "list_pet_addresses"),
        ("GET", "/addresses/{id}", "get /addresses/{id}", "get_address"),
        ("POST", "/companies", "post /companies", "create_company"),
        ("DELETE", "/boxes/{id}", "delete /boxes/{id}", "delete_box"),
        ("GET", "/", "get /", "list"),
        ("GET", "/x", "Größe.der-Welt", "grosse_der_welt"),
        ("GET", "/x", "取得", "list_x"),
        ("GET", "/x", "one_" * 30, "one_" * 13 + "one"),
    ],
)
def test_names_that_a_model_can_read(method: str, path: str, identifier: str, name: str) -> None:
    assert openapi.name_of(method, path, identifier) == name
    assert len(name) <= openapi.LONGEST


def test_what_becomes_of_each_operation() -> None:
    body = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
    query = {"parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}]}
    path = {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]}
    document = {
        **PETS,
        "paths": {
            "/all": {"get": ANSWER, "head": ANSWER},
            "/found": {"get": {**ANSWER, **query}},
            "/asked": {"get": {**ANSWER, **body}},
            "/old": {"get": {**ANSWER, "deprecated": True}},
            "/all/{id}": {**path, "get": ANSWER, "delete": ANSWER},
        },
    }
    found = openapi.described(document, "x.json")
    assert [(item.name, item.kind) for item in found.operations] == [
        ("list_all", "RESOURCE"),
        ("list_found", "TOOL"),
        ("list_asked", "TOOL"),
        ("list_old", "EXCLUDE"),
        ("get_all", "RESOURCE_TEMPLATE"),
        ("delete_all", "TOOL"),
    ]
    assert "operationId" not in document["paths"]["/all"]["get"]
    assert json.loads(found.text)["paths"]["/all"]["get"]["operationId"] == "get /all"


def test_yaml_means_what_the_same_json_means() -> None:
    text = """
        openapi: 3.0.3
        info: {title: Pets, version: 2026-01-31}
        paths: {/pets: {get: {operationId: list, responses: {200: {description: "yes"}}}}}
    """
    saved = json.loads(openapi.described(openapi.parsed(text, "x"), "x").text)
    assert saved["info"]["version"] == "2026-01-31"
    assert list(saved["paths"]["/pets"]["get"]["responses"]) == ["200"]


def load(folder: Path) -> Any:
    """The module server.py of a workspace."""
    spec = importlib.util.spec_from_file_location("server", folder / "server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_of(document: dict[str, Any], folder: Path) -> Path:
    """A workspace of a document, without the listing, for which a process would start."""
    (folder / "spec.json").write_text(json.dumps(document))
    plan = making._from_template("openapi", "my-pets", str(folder / "spec.json"))
    for place, text in making.files_for("my-pets", plan).items():
        path = folder / "made" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "made"


SCHEMES = {
    "bearer": ({"type": "http", "scheme": "bearer"}, "Bearer ada:tide"),
    "oauth": ({"type": "oauth2", "flows": {}}, "Bearer ada:tide"),
    "basic": ({"type": "http", "scheme": "basic"}, "Basic YWRhOnRpZGU="),
    "header": ({"type": "apiKey", "in": "header", "name": "X-Key"}, "ada:tide"),
    "query": ({"type": "apiKey", "in": "query", "name": "key"}, "ada:tide"),
    "cookie": ({"type": "apiKey", "in": "cookie", "name": "sid"}, "ada:tide"),
}


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_token_is_sent_as_the_document_says(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how, sent = SCHEMES[scheme]
    document = {**PETS, "security": [{"s": []}], "components": {"securitySchemes": {"s": how}}}
    monkeypatch.setenv("MY_PETS_TOKEN", "ada:tide")
    folder = made_of(document, tmp_path)
    assert b"ada:tide" not in b"".join(everything_in(folder).values())

    async def pets(request: Request) -> Response:
        authorization = request.headers.get("authorization") or request.headers.get("x-key")
        return PlainTextResponse(authorization or request.query_params.get("key") or request.cookies["sid"])

    async with serve(Starlette(routes=[Route("/v9/pets", pets)])) as address:
        monkeypatch.setenv("MY_PETS_URL", f"{address}/v9")
        async with Client(load(folder).mcp) as client:
            (content,) = await client.read_resource("resource://list_pets")
    assert content.text == sent  # type: ignore[union-attr]


async def test_the_address_is_the_document_s_or_else_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_PETS_URL", raising=False)
    assert load(made_of(PETS, tmp_path)).BASE_URL == "https://pets.example/v1"
    del (document := dict(PETS))["servers"]
    module = load(made_of(document, tmp_path))
    async with Client(module.mcp) as client:
        with pytest.raises(Exception, match="set MY_PETS_URL"):
            await client.read_resource("resource://list_pets")


async def test_a_stranger_s_words_are_text_and_no_code(tmp_path: Path) -> None:
    """Quotes, marks and line breaks of a document are kept out of what Python reads."""
    nasty = 'a "b" \\ """ \n# %% {x} @name@ ${y}'
    operation = {"operationId": nasty, "summary": nasty, "description": nasty, **ANSWER}
    document = {
        **PETS,
        "info": {"title": nasty, "version": "1"},
        "servers": [{"url": 'https://x.example/"+exit()+"'}],
        "security": [{"s": []}],
        "components": {"securitySchemes": {"s": {"type": "apiKey", "in": "header", "name": 'X"+exit()+"'}}},
        "paths": {'/a"+exit()+"': {"post": operation}},
    }
    module = load(made_of(document, tmp_path))
    async with Client(module.mcp) as client:
        (tool,) = await client.list_tools()
    assert tool.name == "a_b_x_name_y"
    assert tool.description == nasty


async def test_what_may_destroy_says_so(tmp_path: Path) -> None:
    paths = {"/a": dict.fromkeys(("get", "post", "put", "patch", "delete"), ANSWER)}
    paths["/a"]["get"] = {**ANSWER, "parameters": [{"name": "q", "in": "query", "schema": {}}]}  # type: ignore[dict-item]
    async with Client(load(made_of({**PETS, "paths": paths}, tmp_path)).mcp, mode="legacy") as client:
        hints = {tool.name: tool.annotations for tool in await client.list_tools()}
    assert {name: (hint.read_only_hint, hint.destructive_hint) for name, hint in hints.items() if hint} == {
        "list_a": (True, None),
        "create_a": (False, None),
        "replace_a": (None, True),
        "update_a": (None, True),
        "delete_a": (None, True),
    }
