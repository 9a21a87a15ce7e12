"""The examples in the docstrings that need no workspace are run."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["errors", "findings", "imports", "layout", "names", "notebook"])
def test_examples(module: str) -> None:
    found = importlib.import_module(f"mcp_workbench.{module}")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    tried = 0
    for test in doctest.DocTestFinder().find(found, globs=vars(found)):
        if "WorkbenchError" in test.name or test.name.endswith("notebook.read"):
            continue  # they show an error, and a file
        tried += len(test.examples)
        assert runner.run(test).failed == 0, test.name
    assert tried
