"""The rules of `check`: one for each of the 25 classic errors, and one for each kind of version drift."""

from __future__ import annotations

from mcp_workbench.rules import drift_imports, drift_servers, functions, loading, results
from mcp_workbench.rules.rule import Rule

FAMILIES = (functions, loading, results, drift_imports, drift_servers)
RULES: dict[str, Rule] = {rule.code: rule for family in FAMILIES for rule in family.RULES}
