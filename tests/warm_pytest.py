"""pytest with nbmake in a process that has imported them already; see forking.py."""

import sys

import _hypothesis_pytestplugin  # noqa: F401
import anyio.pytest_plugin  # noqa: F401
import hypothesis  # noqa: F401
import nbmake.pytest_items
import nbmake.pytest_plugin  # noqa: F401
import pytest
import pytest_asyncio.plugin  # noqa: F401
import xdist.looponfail
import xdist.plugin  # noqa: F401

if __name__ == "__main__":
    sys.path[0] = ""  # as `python -m pytest` has it
    sys.exit(pytest.main())
