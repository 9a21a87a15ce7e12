"""The examples of MCP016: servers that go wrong, and servers that do not."""

from __future__ import annotations

from mcp_workbench.rules.rule import Example

LOGIN = """\
from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy, StaticTokenVerifier
{imports}

def readers_login() -> OAuthProxy:
    return OAuthProxy(
        upstream_authorization_endpoint="https://login.example.org/authorize",
        upstream_token_endpoint="https://login.example.org/token",
        upstream_client_id="desk",
        upstream_client_secret="from-the-environment",
        token_verifier=StaticTokenVerifier(tokens={{}}),
        base_url="https://{host}",
        client_storage={storage},
    )


mcp = FastMCP("desk", auth=readers_login())
"""

RESTART = """\
from mcp.shared.auth import OAuthClientInformationFull
reader = OAuthClientInformationFull(client_id="reader", redirect_uris=["http://localhost:9/callback"])
await mcp.auth.register_client(reader)
restarted = readers_login()
print("known:", await mcp.auth.get_client("reader") is not None)
print("known after a restart:", await restarted.get_client("reader") is not None)
"""

IN_MEMORY = "from key_value.aio.stores.memory import MemoryStore\n"

FOLDER = """\
from pathlib import Path

from cryptography.fernet import Fernet
from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy, StaticTokenVerifier
from key_value.aio.stores.filetree import (
    FileTreeStore,
    FileTreeV1CollectionSanitizationStrategy,
    FileTreeV1KeySanitizationStrategy,
)
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper

FOLDER = Path(__file__).parent / "logins"
KEY = Fernet.generate_key()  # a real one comes from the environment


def readers_login() -> OAuthProxy:
    FOLDER.mkdir(exist_ok=True)
    store = FileTreeStore(
        data_directory=FOLDER,
        key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(FOLDER),
        collection_sanitization_strategy=FileTreeV1CollectionSanitizationStrategy(FOLDER),
    )
    return OAuthProxy(
        upstream_authorization_endpoint="https://login.example.org/authorize",
        upstream_token_endpoint="https://login.example.org/token",
        upstream_client_id="desk",
        upstream_client_secret="from-the-environment",
        token_verifier=StaticTokenVerifier(tokens={}),
        base_url="https://desk.example.org",
        client_storage=FernetEncryptionWrapper(store, fernet=Fernet(KEY)),
    )


mcp = FastMCP("desk", auth=readers_login())
"""

STATE = """\
from pathlib import Path

from fastmcp import Context, FastMCP
from key_value.aio.stores.filetree import (
    FileTreeStore,
    FileTreeV1CollectionSanitizationStrategy,
    FileTreeV1KeySanitizationStrategy,
)

FOLDER = Path(__file__).parent / "state"
FOLDER.mkdir(exist_ok=True)
store = FileTreeStore(
    data_directory=FOLDER,
    key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(FOLDER),
    collection_sanitization_strategy=FileTreeV1CollectionSanitizationStrategy(FOLDER),
)
mcp = FastMCP("desk", session_state_store=store)


@mcp.tool
async def choose(branch: str, ctx: Context) -> str:
    await ctx.set_state("branch", branch)
    return str(await ctx.get_state("branch"))
"""

BAD: dict[str, tuple[Example, ...]] = {
    "MCP016": (
        Example(
            "from fastmcp import FastMCP\nfrom key_value.stores import DiskStore\n\n"
            'mcp = FastMCP("desk", session_state_store=DiskStore(directory="state"))\n',
            shows="ModuleNotFoundError: No module named 'key_value.stores'",
        ),
        Example(
            LOGIN.format(imports=IN_MEMORY, host="desk.example.org", storage="MemoryStore()"),
            does=RESTART,
            shows="known: True\nknown after a restart: False",
        ),
        Example(
            "from cryptography.fernet import Fernet\n"
            "from fastmcp import FastMCP\n"
            "from key_value.aio.stores.memory import MemoryStore\n"
            "from key_value.encryption import FernetEncryptionWrapper\n\n"
            "store = FernetEncryptionWrapper(MemoryStore(), fernet=Fernet(Fernet.generate_key()))\n"
            'mcp = FastMCP("desk", session_state_store=store)\n',
            shows="ModuleNotFoundError: No module named 'key_value.encryption'",
        ),
        Example(
            "from fastmcp import FastMCP\nfrom key_value.aio.stores import MemoryStore\n\n"
            'mcp = FastMCP("desk", session_state_store=MemoryStore())\n',
            shows="ImportError: cannot import name 'MemoryStore' from 'key_value.aio.stores'",
        ),
        Example(
            "import key_value.stores.memory\nfrom fastmcp import FastMCP\n\n"
            'mcp = FastMCP("desk", session_state_store=key_value.stores.memory.MemoryStore())\n',
            shows="ModuleNotFoundError: No module named 'key_value.stores'",
        ),
        Example(
            "from fastmcp import FastMCP\nfrom key_value.aio.stores.memory import MemoryStore\n\n"
            'mcp = FastMCP("desk", storage=MemoryStore())\n',
            shows=r"TypeError: FastMCP\(\) got unexpected keyword argument\(s\): 'storage'",
        ),
        Example(
            "from fastmcp import FastMCP\n"
            "from fastmcp.server.middleware.caching import ResponseCachingMiddleware\n\n"
            'mcp = FastMCP("desk", middleware=[ResponseCachingMiddleware(ttl_seconds=300)])\n',
            shows=r"TypeError: ResponseCachingMiddleware.__init__\(\) got an unexpected keyword argument "
            "'ttl_seconds'",
        ),
        Example(
            "from fastmcp import FastMCP\n"
            "from fastmcp.server.middleware.caching import ResponseCachingMiddleware\n"
            "from key_value.aio.stores.memory import MemoryStore\n\n"
            'mcp = FastMCP("desk")\n'
            "mcp.add_middleware(ResponseCachingMiddleware(storage=MemoryStore()))\n",
            shows="got an unexpected keyword argument 'storage'",
        ),
        Example(
            "from fastmcp import FastMCP\nfrom key_value.aio.stores.filetree import FileTreeStore\n\n"
            'mcp = FastMCP("desk", session_state_store=FileTreeStore(directory="state"))\n',
            shows=r"TypeError: FileTreeStore.__init__\(\) got an unexpected keyword argument 'directory'",
        ),
        Example(
            "from fastmcp import FastMCP\nfrom key_value.aio.stores.redis import RedisStore\n\n"
            'mcp = FastMCP("desk", session_state_store=RedisStore("redis://localhost:6379"))\n',
            shows=r"TypeError: RedisStore.__init__\(\) takes 1 positional argument but 2 were given",
        ),
        Example(
            "from cryptography.fernet import Fernet\n"
            "from fastmcp import FastMCP\n"
            "from key_value.aio.stores.memory import MemoryStore\n"
            "from key_value.aio.wrappers.encryption import FernetEncryptionWrapper\n\n"
            "store = FernetEncryptionWrapper(MemoryStore(), key=Fernet.generate_key())\n"
            'mcp = FastMCP("desk", session_state_store=store)\n',
            shows="got an unexpected keyword argument 'key'",
        ),
        Example(
            "from fastmcp import FastMCP\n"
            "from key_value.aio.stores.memory import MemoryStore\n"
            "from key_value.aio.wrappers.encryption import FernetEncryptionWrapper\n\n"
            'mcp = FastMCP("desk", session_state_store=FernetEncryptionWrapper(MemoryStore()))\n',
            shows="ValueError: Must provide either fernet or source_material",
        ),
    ),
}

GOOD: dict[str, tuple[Example, ...]] = {
    "MCP016": (
        Example(
            STATE, does='print((await client.call_tool("choose", {"branch": "Hill"})).data)', shows="^Hill$"
        ),
        Example(FOLDER, does=RESTART, shows="known: True\nknown after a restart: True"),
        Example(  # a login that serves only this machine
            LOGIN.format(imports=IN_MEMORY, host="localhost:8000", storage="MemoryStore()"),
            does=RESTART,
            shows="known: True",
        ),
        Example(  # the state of sessions and the cache may be in memory: that is their default
            "from fastmcp import FastMCP\n"
            "from fastmcp.server.middleware.caching import ResponseCachingMiddleware\n"
            "from key_value.aio.stores.memory import MemoryStore\n\n"
            "cache = ResponseCachingMiddleware(\n"
            '    cache_storage=MemoryStore(max_entries_per_collection=500), call_tool_settings={"ttl": '
            '300}\n)\nmcp = FastMCP("desk", session_state_store=MemoryStore(), middleware=[cache])\n\n\n'
            '@mcp.tool\ndef branches() -> list[str]:\n    return ["Harbour", "Hill"]\n',
            does='print((await client.call_tool("branches")).data)',
            shows="Harbour",
        ),
        Example(  # the login's store depends on where it runs
            LOGIN.format(
                imports="import os\n\n" + IN_MEMORY + "from key_value.aio.stores.redis import RedisStore\n",
                host="desk.example.org",
                storage='RedisStore(url=os.environ["STORE"]) if "STORE" in os.environ else MemoryStore()',
            )
            .replace("import os\n\n", "", 1)
            .replace("from fastmcp", "import os\n\nfrom fastmcp", 1),
            does=RESTART,
            shows="known: True",
        ),
        Example(  # an older spelling as the second choice
            "try:\n    from key_value.stores import MemoryStore\n"
            "except ImportError:\n    from key_value.aio.stores.memory import MemoryStore\n\n"
            "from fastmcp import FastMCP\n\n"
            'mcp = FastMCP("desk", session_state_store=MemoryStore())\nprint("works")\n',
            shows="works",
        ),
        Example(  # a server of one's own that has such an argument
            "from fastmcp import FastMCP\nfrom key_value.aio.stores.memory import MemoryStore\n\n\n"
            "class Desk(FastMCP):\n    def __init__(self, name: str, storage: MemoryStore) -> None:\n"
            "        super().__init__(name, session_state_store=storage)\n\n\n"
            'mcp = Desk("desk", storage=MemoryStore())\nprint("works")\n',
            shows="works",
        ),
    ),
}
