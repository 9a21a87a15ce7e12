"""What chapters and tests start on loopback: real services, small ones, and nothing that leaves 127.0.0.1.

>>> from mcp_workbench.services import identity_provider, serve, valkey
>>> async with serve(app) as address: ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_workbench.services.browsing import Browser, BrowserOAuth
    from mcp_workbench.services.databases import postgres, valkey
    from mcp_workbench.services.identity import IdentityProvider, identity_provider
    from mcp_workbench.services.office import acquisitions_office
    from mcp_workbench.services.serving import free_port, serve

__all__ = [
    "Browser",
    "BrowserOAuth",
    "IdentityProvider",
    "acquisitions_office",
    "free_port",
    "identity_provider",
    "postgres",
    "serve",
    "valkey",
]

_HOME = {
    "Browser": "browsing",
    "BrowserOAuth": "browsing",
    "IdentityProvider": "identity",
    "acquisitions_office": "office",
    "identity_provider": "identity",
    "free_port": "serving",
    "postgres": "databases",
    "serve": "serving",
    "valkey": "databases",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: a chapter about Valkey needs no FastAPI."""
    if name in _HOME:
        return getattr(import_module(f"mcp_workbench.services.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
