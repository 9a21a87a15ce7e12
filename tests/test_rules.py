"""Each rule: its bad examples fail as it claims and are found, its good ones work and are not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rule_examples import seen

from mcp_workbench.findings import Finding
from mcp_workbench.rules import FAMILIES, RULES, drift_imports, rules_for
from mcp_workbench.rules.module import CANONICAL, Module
from mcp_workbench.rules.rule import Example, Rule, Target

TARGET = Target()


def cases(kind: str, *, by_era: bool = False) -> list[object]:
    return list(_cases(kind, by_era=by_era))


def _cases(kind: str, *, by_era: bool) -> Iterator[object]:
    for rule in RULES.values():
        for number, example in enumerate(getattr(rule, kind), start=1):
            eras = example.eras if example.does and not example.command else example.eras[:1]
            for era in eras if by_era else eras[:1]:
                yield pytest.param(rule, example, era, id=f"{rule.code}-{number}-{era}")


def findings(example: Example, rules: list[Rule]) -> list[Finding]:
    return [f for module in modules_of(example) for rule in rules for f in rule.find(rule, module, TARGET)]


def modules_of(example: Example) -> list[Module]:
    modules: dict[str, Module] = {}

    def find(name: str) -> Module | None:
        path = f"{name.replace('.', '/')}"
        for candidate in (f"{path}.py", f"{path}/__init__.py"):
            text = example.code if candidate == "server.py" else example.files.get(candidate)
            if text is not None:
                if candidate not in modules:
                    package = candidate.endswith("__init__.py")
                    modules[candidate] = Module(candidate, text, ast.parse(text), name, find, package)
                return modules[candidate]
        return None

    server = find("server")
    assert server is not None
    names = ["server", *(n.removesuffix(".py").replace("/", ".") for n in example.files if n.endswith(".py"))]
    found = (find(name.removesuffix(".__init__")) for name in names)
    return [module for module in found if module is not None]


@pytest.mark.parametrize(("rule", "example", "era"), cases("bad", by_era=True))
def test_a_bad_example_fails_as_the_rule_claims(
    rule: Rule, example: Example, era: str, tmp_path: Path
) -> None:
    _, text = seen(example, tmp_path, era)
    assert re.search(example.shows, text, re.DOTALL | re.MULTILINE), text


@pytest.mark.parametrize(("rule", "example", "era"), cases("good", by_era=True))
def test_a_good_example_works(rule: Rule, example: Example, era: str, tmp_path: Path) -> None:
    failed, text = seen(example, tmp_path, era)
    assert not failed, text
    assert re.search(example.shows, text, re.DOTALL | re.MULTILINE), text


@pytest.mark.parametrize(("rule", "example", "era"), cases("bad"))
def test_a_bad_example_is_found(rule: Rule, example: Example, era: str) -> None:
    found = findings(example, [rule])
    assert len(found) == example.finds, found
    assert all(f.code == rule.code and f.place.line and f.what and f.why and f.do for f in found)


@pytest.mark.parametrize(("rule", "example", "era"), cases("good"))
def test_a_good_example_has_no_finding_of_any_rule(rule: Rule, example: Example, era: str) -> None:
    rules = [other for other in RULES.values() if other.default or other is rule]
    assert findings(example, rules) == []


# Which families are asked: the names in FAMILIES.


@pytest.mark.parametrize(("rule", "example", "era"), cases("bad"))
def test_the_family_of_a_bad_example_is_asked(rule: Rule, example: Example, era: str) -> None:
    modules = [module for module in modules_of(example) if list(rule.find(rule, module, TARGET))]
    assert modules
    for module in modules:
        assert rule in list(rules_for(module))


def asked(family: str, names: set[str]) -> bool:
    return not names.isdisjoint(FAMILIES[family].split())


def test_each_row_of_the_moved_and_invented_imports_has_a_name_that_is_asked_for() -> None:
    rows = [*drift_imports.SDK_1, *drift_imports.MODULES, *drift_imports.NAMES, *drift_imports.INVENTED]
    imported = [{*row.module.split("."), name} for row in rows for name in row.names or ("",)]
    attributes = [{row.attribute} for row in drift_imports.INVENTED_ATTRIBUTES]
    decorators = [{name} for name in drift_imports.INVENTED_DECORATORS]
    for names in (*imported, *attributes, *decorators, {"httpx"}):
        assert asked("drift_imports", names), names


@pytest.mark.parametrize(
    ("family", "home"),
    [
        ("auth", "fastmcp.server.auth."),
        ("icons", "mcp.types.Icon"),
        ("middleware", "fastmcp.server.middleware."),
        ("web", "starlette.Starlette"),
        ("web", "fastapi.FastAPI"),
    ],
)
def test_another_place_to_import_from_has_a_name_of_the_family(family: str, home: str) -> None:
    assert asked(family, {*home.split(".")})
    others = [dotted for dotted, meant in CANONICAL.items() if meant.startswith(home)]
    assert all(asked(family, {*dotted.split(".")}) for dotted in others), others


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from fastmcp import FastMCP\nmcp = FastMCP('a')\n@mcp.tool\ndef auth(icon): ...", set()),
        ("import icons\nicons . Icon", {"icons"}),
        ("from mcp.types import Icon as Picture", {"icons"}),
        ("from mcp.types import (\n    Icon,\n)", {"icons"}),
        ("FastMCP('a', lifespan=open)", {"lifespans", "drift_imports"}),
        ("FastMCP('a', storage=None)", {"stores"}),
        ("GitHubProvider(client_storage=None)", {"stores"}),
        ("mcp.add_middleware(None)", {"middleware"}),
        ("from .desk import mcp", set(FAMILIES)),
        ("import desk", set(FAMILIES)),
        ("import desk.missing", set(FAMILIES)),
        ("from desk import missing", set(FAMILIES)),
    ],
)
def test_a_family_is_asked_of_files_that_have_one_of_its_names(text: str, expected: set[str]) -> None:
    desk = Module("desk.py", "", ast.parse(""), "desk")
    find = {"desk": desk}.get
    module = Module("server.py", text, ast.parse(text), "server", find)
    families = {rule.find.__module__.rpartition(".")[2] for rule in rules_for(module)}
    assert families == expected | {family for family, names in FAMILIES.items() if not names}


def test_every_family_is_asked_of_cells_that_others_ran_before() -> None:
    before = Module("notebooks", "", ast.parse(""))
    module = Module("00.ipynb", "", ast.parse(""), outer=before)
    assert list(rules_for(module)) == list(RULES.values())
