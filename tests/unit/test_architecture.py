"""Imports run one way, and every foreign library is imported in one place."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mcp_handoff

PACKAGE = Path(mcp_handoff.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

OWNERS = {
    "mcp": ("server/", "demo.py"),
    "mcp_types": ("server/", "demo.py"),
    "apsw": ("backends/sqlite.py",),
    "psycopg": ("backends/postgres/",),
    "psycopg_pool": ("backends/postgres/",),
    "platformdirs": ("wiring.py",),
    "uuid_utils": ("ids.py",),
    "fastapi": ("rest/",),
    "fastapi_offline": ("rest/",),
    "uvicorn": ("web/",),
    "h11": ("web/deadlines.py",),
    "limits": ("web/rate_limit.py",),
    "prometheus_client": ("web/metrics.py",),
    "jwt": ("web/oauth.py",),
    "httpx2": ("web/oauth.py", "backends/api/client.py", "dispatch.py"),
    "standardwebhooks": ("dispatch.py",),
    "stamina": ("backends/api/client.py",),
    "opentelemetry": ("tracing.py",),
    "pythonjsonlogger": ("logs.py",),
    "starlette": ("rest/", "web/", "server/http.py"),
}
"""The one place that imports a library."""

HIDDEN = {
    "server/": (
        "mcp_handoff.backends",
        "mcp_handoff.rest",
        "mcp_handoff.web",
        "mcp_handoff.wiring",
        "mcp_handoff.cli",
    ),
    "backends/": ("mcp_handoff.server", "mcp_handoff.wiring", "mcp_handoff.config"),
    "rest/": ("mcp_handoff.backends", "mcp_handoff.server", "mcp_handoff.web", "mcp_handoff.cli"),
    "web/": ("mcp_handoff.backends", "mcp_handoff.wiring", "mcp_handoff.cli"),
    "": ("mcp_handoff.backends", "mcp_handoff.server", "mcp_handoff.rest", "mcp_handoff.web"),
}
"""What the modules of a folder never see; "" are the nouns and what is common to all."""

EDGES = ("cli.py", "wiring.py", "demo.py", "__main__.py")


def imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def place(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_a_library_is_imported_in_its_own_place_alone(module: Path) -> None:
    for name in imports(module):
        owners = OWNERS.get(name.partition(".")[0], ("",))
        assert place(module).startswith(owners), f"{place(module)} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=place)
def test_imports_run_one_way(module: Path) -> None:
    if place(module) in EDGES:
        return
    folder = next(folder for folder in HIDDEN if place(module).startswith(folder))
    for name in imports(module):
        assert not name.startswith(HIDDEN[folder]), f"{place(module)} imports {name}"


def test_the_store_starts_without_mcp_and_the_server_without_a_driver() -> None:
    code = (
        "import sys, mcp_handoff.backends.sqlite, mcp_handoff.backends.store.backend;"
        "assert 'mcp' not in sys.modules;"
        "import mcp_handoff.server.app, mcp_handoff.server.stdio;"
        "assert not {'fastapi', 'mcp_handoff.web', 'mcp_handoff.rest'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
