"""Each rule: its bad examples fail as it claims and are found, its good ones work and are not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rule_examples import seen

from mcp_workbench.findings import Finding
from mcp_workbench.rules import RULES
from mcp_workbench.rules.module import Module
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
    found = []
    for name in names:
        module = find(name.removesuffix(".__init__"))
        if module is not None:
            found += [f for rule in rules for f in rule.find(rule, module, TARGET)]
    return found


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
