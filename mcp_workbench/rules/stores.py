"""MCP016: where tokens, sessions and answers are kept."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mcp_workbench.findings import Edit, Finding
from mcp_workbench.rules.auth import is_local, logins
from mcp_workbench.rules.module import GUARDED, GUARDED_OR_TYPING, Module, Region, is_open, keywords
from mcp_workbench.rules.rule import DOCS, Rule, Target, edit, insert

# Where py-key-value has its classes, below key_value.aio.
HOMES = {
    **dict.fromkeys(("DiskStore", "MultiDiskStore"), "stores.disk"),
    "DuckDBStore": "stores.duckdb",
    "DynamoDBStore": "stores.dynamodb",
    "ElasticsearchStore": "stores.elasticsearch",
    **dict.fromkeys(
        ("FileTreeStore", "FileTreeV1CollectionSanitizationStrategy", "FileTreeV1KeySanitizationStrategy"),
        "stores.filetree",
    ),
    "FirestoreStore": "stores.firestore",
    "KeyringStore": "stores.keyring",
    "MemcachedStore": "stores.memcached",
    "MemoryStore": "stores.memory",
    "MongoDBStore": "stores.mongodb",
    "NullStore": "stores.null",
    "OpenSearchStore": "stores.opensearch",
    "PostgreSQLStore": "stores.postgresql",
    "RedisStore": "stores.redis",
    "RocksDBStore": "stores.rocksdb",
    "S3Store": "stores.s3",
    "SimpleStore": "stores.simple",
    "ValkeyStore": "stores.valkey",
    "VaultStore": "stores.vault",
    "CompressionWrapper": "wrappers.compression",
    **dict.fromkeys(("BaseEncryptionWrapper", "FernetEncryptionWrapper"), "wrappers.encryption"),
    "FallbackWrapper": "wrappers.fallback",
    "LimitSizeWrapper": "wrappers.limit_size",
    "LoggingWrapper": "wrappers.logging",
    "PassthroughCacheWrapper": "wrappers.passthrough_cache",
    "PrefixCollectionsWrapper": "wrappers.prefix_collections",
    "PrefixKeysWrapper": "wrappers.prefix_keys",
    "ReadOnlyWrapper": "wrappers.read_only",
    "RetryWrapper": "wrappers.retry",
    "StatisticsWrapper": "wrappers.statistics",
    "TimeoutWrapper": "wrappers.timeout",
    "TTLClampWrapper": "wrappers.ttl_clamp",
}
PLAIN = ("memory", "null", "simple", "filetree", "keyring")  # work with what FastMCP brings along
INVENTED = ("key_value.stores", "key_value.encryption", "key_value.wrappers", "key_value.storage")
# What is written for an argument, and its name: all of them take arguments by name only.
SPELLINGS = {
    "DiskStore": {"path": "directory", "cache_dir": "directory", "data_directory": "directory"},
    "FileTreeStore": dict.fromkeys(("directory", "path", "base_path", "root"), "data_directory"),
    "RedisStore": {"redis_url": "url", "uri": "url"},
    "FernetEncryptionWrapper": {"store": "key_value", "storage": "key_value"},
}
FIRST = {"DiskStore": "directory", "FileTreeStore": "data_directory", "RedisStore": "url"}
CACHE = {"storage": "cache_storage", "store": "cache_storage", "cache_store": "cache_storage"}
SERVER = (
    "Write session_state_store=... for the state of sessions; the tokens of a login are kept by its provider "
    "(client_storage=...), cached answers by ResponseCachingMiddleware(cache_storage=...)."
)


def _stores(rule: Rule, module: Module, target: Target) -> Iterator[Finding]:
    yield from _imports(rule, module)
    yield from _server_storage(rule, module)
    yield from _arguments(rule, module)
    yield from _in_memory(rule, module)


def _imports(rule: Rule, module: Module) -> Iterator[Finding]:
    for node, region in module.imports:
        if region.guards & GUARDED_OR_TYPING:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _invented(alias.name):
                    right = alias.name.replace("key_value.", "key_value.aio.", 1)
                    yield rule.at(module, node, f"there is no module {alias.name}", f"Import {right}.")
        elif not node.level and re.match(r"key_value(\.(?!sync\b|shared\b)|$)", node.module or ""):
            yield from _import_from(rule, module, node)


def _invented(home: str) -> bool:
    return home in INVENTED or home.startswith(tuple(f"{name}." for name in INVENTED))


def _import_from(rule: Rule, module: Module, node: ast.ImportFrom) -> Iterator[Finding]:
    written = node.module or ""
    homes: dict[str, list[ast.alias]] = {}
    for alias in node.names:
        homes.setdefault(HOMES.get(alias.name, ""), []).append(alias)
    if _invented(written):
        what = f"there is no module {written}"
    else:
        wrong = [a.name for home in homes if home and not _reaches(written, home) for a in homes[home]]
        if not wrong:
            return
        what = f"{written} has no {', '.join(wrong)}"
    if "" in homes:
        known = [f"key_value.aio.{home}" for home in homes if home] or ["key_value.aio.stores.<kind>"]
        yield rule.at(module, node, what, f"Import from {' and '.join(known)}.")
        return
    lines = [_statement(home, names) for home, names in homes.items()]
    extras = [home.partition(".")[2] for home in homes if home.startswith("stores.")]
    needs = "".join(f" It needs py-key-value-aio[{extra}]." for extra in extras if extra not in PLAIN)
    do = f"Write {'; '.join(lines)}.{needs}"
    yield rule.at(module, node, what, do, _moved(module, node, homes, lines))


def _reaches(written: str, home: str) -> bool:
    right = f"key_value.aio.{home}"
    return written == right or written.startswith(f"{right}.")


def _statement(home: str, names: list[ast.alias]) -> str:
    listed = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in names)
    return f"from key_value.aio.{home} import {listed}"


def _moved(
    module: Module, node: ast.ImportFrom, homes: dict[str, list[ast.alias]], lines: list[str]
) -> list[Edit]:
    """Another module's name in the statement; where its names part, one statement for each module."""
    line = module.lines[node.lineno - 1]
    start = module.column(node.lineno, node.col_offset)
    found = re.compile(r"from\s+(key_value[\w.]*)(?=\s)").match(line, start)
    if len(homes) == 1 and found and found[1] == node.module:
        return [
            Edit(node.lineno, found.start(1), node.lineno, found.end(1), f"key_value.aio.{next(iter(homes))}")
        ]
    alone = not line[:start].strip() and node.lineno == node.end_lineno
    return [edit(module, node, f"\n{line[:start]}".join(lines))] if alone else []


def _server_storage(rule: Rule, module: Module) -> Iterator[Finding]:
    for call, _, region in module.calls_of("FastMCP"):
        given = keywords(call).get("storage")
        if given is None or region.guards & GUARDED or not module.is_library_class(call, region):
            continue
        if module.meaning(call, region) == "fastmcp.FastMCP()":
            yield rule.at(
                module,
                given,
                "FastMCP() has no argument `storage`",
                SERVER,
                unfixed="what is to be kept there, only you know",
            )


def _arguments(rule: Rule, module: Module) -> Iterator[Finding]:
    for name in (*SPELLINGS, "ResponseCachingMiddleware"):
        for call, _, region in module.calls_of(name):
            meant = module.meaning(call.func, region) or ""
            if region.guards & GUARDED or not module.is_library_class(call, region):
                continue
            if meant.startswith("key_value.") and meant.endswith(f".{name}"):
                yield from _spelt(rule, module, call, name, SPELLINGS[name])
                if name == "FernetEncryptionWrapper":
                    yield from _fernet(rule, module, call)
            elif meant == "fastmcp.server.middleware.caching.ResponseCachingMiddleware":
                yield from _spelt(rule, module, call, name, CACHE)
                yield from _seconds(rule, module, call)


def _spelt(rule: Rule, module: Module, call: ast.Call, name: str, names: dict[str, str]) -> Iterator[Finding]:
    if name in FIRST and len(call.args) == 1 and not isinstance(call.args[0], ast.Starred):
        argument = FIRST[name]
        yield rule.at(
            module,
            call.args[0],
            f"{name} takes its arguments by name only",
            f"Write {argument}=...",
            [insert(module, call.args[0], f"{argument}=")],
        )
    given = keywords(call)
    for wrong, right in names.items():
        if wrong in given and right not in given:
            node = given[wrong]
            renamed = Edit(
                node.lineno,
                module.column(node.lineno, node.col_offset),
                node.lineno,
                module.column(node.lineno, node.col_offset) + len(wrong),
                right,
            )
            what = f"{name} has no argument `{wrong}`"
            yield rule.at(module, node, what, f"Write {right}=...", [renamed])


def _fernet(rule: Rule, module: Module, call: ast.Call) -> Iterator[Finding]:
    given = keywords(call)
    for wrong in ("key", "encryption_key", "secret"):
        if wrong in given:
            value = ast.unparse(given[wrong].value)
            yield rule.at(
                module,
                given[wrong],
                f"FernetEncryptionWrapper has no argument `{wrong}`",
                f"Write fernet=Fernet({value}), with Fernet from cryptography.fernet.",
                unfixed="whether that is a Fernet key or a password is not known",
            )
            return
    if not is_open(call) and len(call.args) < 3 and not {"fernet", "source_material"} & set(given):
        yield rule.at(
            module,
            call,
            "FernetEncryptionWrapper is given no key",
            'Write FernetEncryptionWrapper(store, fernet=Fernet(os.environ["STORAGE_KEY"])).',
        )


def _seconds(rule: Rule, module: Module, call: ast.Call) -> Iterator[Finding]:
    given = keywords(call)
    for wrong in ("ttl_seconds", "ttl", "default_ttl", "cache_ttl"):
        if wrong in given:
            value = ast.unparse(given[wrong].value)
            yield rule.at(
                module,
                given[wrong],
                f"ResponseCachingMiddleware has no argument `{wrong}`",
                f'Write call_tool_settings={{"ttl": {value}}}, and the like for what else is cached.',
                unfixed="each kind of answer has its own settings",
            )


def _in_memory(rule: Rule, module: Module) -> Iterator[Finding]:
    for provider, call, region in logins(module):
        given = keywords(call)
        if "client_storage" not in given or is_local(module, call, region):
            continue
        if _is_memory(module, given["client_storage"].value, region):
            yield rule.at(
                module,
                given["client_storage"],
                f"{provider} keeps its clients and tokens in this process's memory",
                "Leave client_storage out (an encrypted folder is used), or give a store that all processes "
                "share: FernetEncryptionWrapper(RedisStore(url=...), fernet=Fernet(key)).",
                unfixed="where they are to be kept, only you know",
            )


def _is_memory(module: Module, node: ast.AST, region: Region, steps: int = 5) -> bool:
    """Is it a MemoryStore, or one in wrappers?"""
    meant = module.meaning(node, region) or ""
    if not meant.startswith("key_value.") or not steps:
        return False
    if meant.endswith(".MemoryStore()"):
        return True
    found = module.origin(node, region)
    if found is None or not isinstance(found.node, ast.Call) or not meant.endswith("Wrapper()"):
        return False
    inner = found.node.args[:1] or [k.value for k in found.node.keywords if k.arg == "key_value"]
    return bool(inner) and _is_memory(found.module, inner[0], found.region, steps - 1)


STORAGE = Rule(
    code="MCP016",
    name="storage-not-kept",
    line="A store is imported, spelt or chosen so that nothing is kept",
    happens=(
        'The spellings that are passed around fail on import: ModuleNotFoundError, "No module named '
        "'key_value.stores'\"; TypeError, \"FastMCP() got unexpected keyword argument(s): 'storage'\" or "
        "\"FileTreeStore.__init__() got an unexpected keyword argument 'directory'\". "
        "A MemoryStore for a login's clients and tokens is accepted in silence: after a restart, and in "
        "every other process, no client is known and everybody logs in again."
    ),
    why=(
        "There is no store for a whole server: a login, the state of sessions and the cache each have their "
        "own, from the package py-key-value-aio, whose modules all begin with key_value.aio."
    ),
    fix=(
        "Give the store to what uses it: client_storage= of the OAuth provider, session_state_store= of "
        "FastMCP, cache_storage= of ResponseCachingMiddleware."
    ),
    links=(
        f"{DOCS}/servers/storage-backends",
        f"{DOCS}/servers/middleware",
        f"{DOCS}/servers/auth/oauth-proxy",
    ),
    find=_stores,
)

RULES = (STORAGE,)
