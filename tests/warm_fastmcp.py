"""The command line of FastMCP in a process that has imported it already; see forking.py."""

import sys

import fastmcp.cli.run
import fastmcp.utilities.inspect  # noqa: F401
import uvicorn  # noqa: F401
from fastmcp import FastMCP  # noqa: F401
from fastmcp.cli import app

if __name__ == "__main__":
    del sys.path[0]  # the tests' own folder
    app()
