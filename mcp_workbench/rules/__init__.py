"""The rules of `check`: one for each of the 25 classic errors, and one for each kind of version drift."""

from __future__ import annotations

from mcp_workbench.rules import (
    auth,
    awaiting,
    composition,
    drift_behaviour,
    drift_calls,
    drift_imports,
    drift_servers,
    functions,
    icons,
    lifespans,
    loading,
    middleware,
    results,
    servers,
    stores,
    web,
)
from mcp_workbench.rules.rule import Rule

FAMILIES = (
    *(
        servers,
        awaiting,
        functions,
        results,
        loading,
        stores,
        web,
        middleware,
        composition,
        auth,
        icons,
        lifespans,
    ),
    *(drift_imports, drift_servers, drift_calls, drift_behaviour),
)
RULES: dict[str, Rule] = {rule.code: rule for family in FAMILIES for rule in family.RULES}
