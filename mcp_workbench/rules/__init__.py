"""The rules of `check`: one for each of the 25 classic errors, and one for each kind of version drift."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_workbench.rules.module import Module
    from mcp_workbench.rules.rule import Rule

# The families of rules, each a module, with the names of which one must be written in a file for the family
# to find anything there; without names, it is asked of every file. To import them all takes longer than to
# export a small notebook. A name counts where it is called, imported, an attribute or an argument
# (Module.names).
FAMILIES = {
    "servers": "",
    "awaiting": "",
    "functions": "",
    "results": "",
    "loading": "",
    "stores": "key_value storage client_storage ResponseCachingMiddleware",
    "web": "FastAPI Starlette",
    "middleware": "middleware add_middleware",
    "composition": "import_server resource_prefix_format read_resource",
    "auth": "auth",
    "icons": "Icon",
    "lifespans": "lifespan",
    # A part of each module that its tables name, or the name that is imported from there.
    "drift_imports": "server tools resources prompts client shared auth middleware experimental contrib "
    "testing mcp_config McpError Content Image CurrentDocket CurrentWorker fastmcp_context request_sampling "
    "request_elicitation lifespan httpx",
    "drift_servers": "",
    "drift_calls": "",
    "drift_behaviour": "",
}
RULES: dict[str, Rule]  # by code; filled when somebody first asks for all


def rules_for(module: Module) -> Iterator[Rule]:
    """The rules that may find something in a file."""
    for family, names in FAMILIES.items():
        if not names or module.mentions(*names.split()):
            yield from _rules_of(family)


def _rules_of(family: str) -> tuple[Rule, ...]:
    rules: tuple[Rule, ...] = import_module(f"mcp_workbench.rules.{family}").RULES
    return rules


def __getattr__(name: str) -> Any:
    if name != "RULES":
        raise AttributeError(name)
    every = {rule.code: rule for family in FAMILIES for rule in _rules_of(family)}
    globals()[name] = every
    return every
