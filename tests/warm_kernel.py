"""A notebook's kernel in a process that has imported already what chapters import; see forking.py.

They are what `python -m ipykernel_launcher` and the first cell of a chapter take most of their time for.
"""

import sys

import fastapi  # noqa: F401
import IPython.core.completer  # noqa: F401
import jsonschema  # noqa: F401
import mcp.types  # noqa: F401
from fastmcp import Client, Context, FastMCP  # noqa: F401
from fastmcp.exceptions import ToolError  # noqa: F401
from ipykernel import kernelapp
from ipykernel.ipkernel import IPythonKernel  # noqa: F401
from ipykernel.zmqshell import ZMQInteractiveShell  # noqa: F401

if __name__ == "__main__":
    del sys.path[0]  # the tests' own folder, which a notebook does not see
    kernelapp.launch_new_instance()
