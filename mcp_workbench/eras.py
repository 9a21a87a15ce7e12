"""The two protocol eras, each with the `mode` by which FastMCP's Client asks for it."""

from __future__ import annotations

from typing import Literal

Mode = Literal["auto", "legacy"]
SESSIONLESS: Mode = "auto"
HANDSHAKE: Mode = "legacy"
ERAS: dict[str, Mode] = {"sessionless": SESSIONLESS, "handshake": HANDSHAKE}
