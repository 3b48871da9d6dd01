"""Imports run one way, and every foreign library is imported in one place."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mcp_handoff
from mcp_handoff.mcp.tools import TOOLS

PACKAGE = Path(mcp_handoff.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

OWNERS = {
    "mcp": ("mcp/", "demo.py"),
    "mcp_types": ("mcp/", "demo.py"),
    "apsw": ("sqlite/",),
    "Stemmer": ("text/terms.py",),
    "rapidfuzz": ("text/spelling.py",),
    "pyromark": ("text/markdown.py",),
    "psycopg": ("postgres/",),
    "psycopg_pool": ("postgres/",),
    "yaml": ("trackers/backlog.py", "clients/yaml_document.py"),
    "rich": ("cli/progress.py",),
    "platformdirs": ("wiring.py",),
    "uuid_utils": ("ids.py",),
    "fastapi": ("rest/",),
    "fastapi_offline": ("rest/",),
    "uvicorn": ("http/",),
    "msgspec": ("hooks/payloads.py",),
    "limits": ("http/rate_limit.py", "http/wrong_tokens.py"),
    "prometheus_client": ("http/metrics.py",),
    "jinja2": ("html/environment.py",),
    "markupsafe": ("html/environment.py",),
    "nh3": ("html/environment.py",),
    "jwt": ("http/oauth.py", "http/issuer_keys.py", "http/issuer_documents.py"),
    "oauthlib": ("http/code_flow.py",),
    "httpcore2": ("http_client.py",),
    "httpx2": ("http_client.py",),
    "standardwebhooks": ("dispatch/sender.py",),
    "stamina": ("remote/retries.py",),
    "opentelemetry": ("tracing.py",),
    "pythonjsonlogger": ("logs.py",),
    "tomlkit": ("clients/toml_document.py",),
    "starlette": ("rest/", "http/", "portal/", "mcp/transports.py", "mcp/http_calls.py"),
}
"""The one place that imports a library."""

DATABASES = ("mcp_handoff.sqlite", "mcp_handoff.postgres")
BACKENDS = ("mcp_handoff.store", "mcp_handoff.remote", *DATABASES)
DOORS = ("mcp_handoff.mcp", "mcp_handoff.rest", "mcp_handoff.portal", "mcp_handoff.hooks")
EDGE = ("mcp_handoff.http", "mcp_handoff.wiring", "mcp_handoff.cli", "mcp_handoff.demo")

HIDDEN = {
    "store/": ("mcp_handoff.remote", *DATABASES, *DOORS, *EDGE, "mcp_handoff.config"),
    "sqlite/": ("mcp_handoff.remote", "mcp_handoff.postgres", *DOORS, *EDGE, "mcp_handoff.config"),
    "postgres/": ("mcp_handoff.remote", "mcp_handoff.sqlite", *DOORS, *EDGE, "mcp_handoff.config"),
    "remote/": ("mcp_handoff.store", *DATABASES, *DOORS, *EDGE, "mcp_handoff.config"),
    "mcp/": ("mcp_handoff.rest", "mcp_handoff.hooks", *BACKENDS, *EDGE),
    "portal/": ("mcp_handoff.mcp", "mcp_handoff.hooks", *BACKENDS, *EDGE),
    "rest/": ("mcp_handoff.mcp", "mcp_handoff.hooks", *BACKENDS, *EDGE),
    "hooks/": ("mcp_handoff.mcp", "mcp_handoff.rest", *BACKENDS, *EDGE),
    "http/": (*BACKENDS, *EDGE[1:]),
    "": (*BACKENDS, *DOORS, *EDGE),
}
"""What the modules of a folder never see; "" are the nouns and what is common to all."""

FOR_AGENTS = ("mcp/", "cli/inbox.py", "demo.py")
"""What speaks to agents alone, and so of tools."""

UNBOUNDED = ("cache", "functools.cache", "lru_cache(maxsize=None)", "lru_cache(None)")

EDGES = ("cli/", "wiring.py", "demo.py", "__main__.py")


def imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def names_within(module: Path) -> Iterator[str]:
    """Yield the modules of ours that a module imports, by their names within the package."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mcp_handoff"):
            within = (node.module or "").removeprefix("mcp_handoff").lstrip(".")
            yield within
            yield from (f"{within}.{alias.name}".lstrip(".") for alias in node.names)


def sentences(module: Path) -> Iterator[str]:
    """Yield the texts of several words in a module that are not its docstrings."""
    nodes = [*ast.walk(ast.parse(module.read_text()))]
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)) if " " in text and id(node) not in docstrings:
                yield text
            case _:
                pass


def place(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_a_library_is_imported_in_its_own_place_alone(module: Path) -> None:
    for name in imports(module):
        owners = OWNERS.get(name.partition(".")[0], ("",))
        assert place(module).startswith(owners), f"{place(module)} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_imports_run_one_way(module: Path) -> None:
    if place(module).startswith(EDGES):
        return
    folder = next(folder for folder in HIDDEN if place(module).startswith(folder))
    hidden = tuple(f"{package}." for package in HIDDEN[folder])
    for name in imports(module):
        assert not f"{name}.".startswith(hidden), f"{place(module)} imports {name}"


def test_no_imports_run_in_a_circle() -> None:
    names = {place(module).removesuffix(".py").removesuffix("/__init__") for module in MODULES}
    graph = {
        place(module).removesuffix(".py"): [
            imported
            for name in names_within(module)
            if (imported := name.replace(".", "/")) in names
        ]
        for module in MODULES
    }
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_what_is_cached_by_argument_has_a_bound(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.unparse(node.args):
            for decorator in map(ast.unparse, node.decorator_list):
                assert decorator not in UNBOUNDED, f"{place(module)}: {node.name}"


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_what_people_and_programs_read_too_names_no_tool(module: Path) -> None:
    tools = {tool.name for tool in TOOLS}
    for sentence in () if place(module).startswith(FOR_AGENTS) else sentences(module):
        assert not tools & {*re.findall(r"\w+", sentence)}, f"{place(module)}: {sentence}"


def test_the_store_starts_without_mcp_and_the_server_without_a_driver() -> None:
    code = (
        "import sys, mcp_handoff.sqlite.database, mcp_handoff.store.store_backend;"
        "assert 'mcp' not in sys.modules;"
        "import mcp_handoff.mcp.server, mcp_handoff.mcp.stdio;"
        "assert not {'fastapi', 'mcp_handoff.http', 'mcp_handoff.rest'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
