"""The bundle: packed by the program that hosts ask for, unpacked and started as a host would."""

import os
import re
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import uv
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from bundle.__main__ import HERE, make_bundle
from mcp_handoff import __version__
from tests.mcp.agent import Agent
from tests.missing import missing
from tests.npm import installed
from tests.plugin.test_manifests import read

pytestmark = pytest.mark.proof

SECONDS = 120


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory, kept_packages: Path) -> Path:
    """The folder of a bundle that a host unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    made = make_bundle(folder, installed(HERE, kept_packages))
    assert made.name == f"mcp-handoff-{__version__}.mcpb"
    with zipfile.ZipFile(made) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def started(unpacked: Path, store: Path, **chosen: str) -> StdioServerParameters:
    """Return how a host starts a bundle for somebody who chose so."""
    manifest = read("bundle/manifest.json")
    config = manifest["server"]["mcp_config"]
    told = {name: _as_text(asked["default"]) for name, asked in manifest["user_config"].items()}
    told |= {"backend": f"sqlite:///{store}", **chosen}
    values = {"__dirname": str(unpacked)}
    values |= {f"user_config.{name}": value for name, value in told.items()}
    environment = {name: _filled(value, values) for name, value in config["env"].items()}
    return StdioServerParameters(
        command={"uv": uv.find_uv_bin()}[config["command"]],
        args=[_filled(argument, values) for argument in config["args"]],
        env={**os.environ, **environment},
    )


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(.+?)\}", lambda name: values[name[1]], text)


def require_packages(server: StdioServerParameters) -> None:
    """Have uv install what the server needs, once."""
    done = subprocess.run(
        [server.command, *server.args, "--version"],
        env=server.env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if "error: Failed to fetch" in done.stderr or "error: Request failed" in done.stderr:
        missing(f"The bundle needs packages of PyPI: {done.stderr}")
    assert done.stdout == f"mcp-handoff {__version__}\n", done.stderr


async def test_it_connects_when_unpacked(unpacked: Path, store: Path) -> None:
    server = started(unpacked, store)
    require_packages(server)
    async with Client(server) as client:
        desk = Agent(client)
        assert await desk.file_ticket() == "HO-1-default"
        assert await desk.find() == ["HO-1-default"]


async def test_what_its_user_chose_is_heeded(unpacked: Path, store: Path) -> None:
    require_packages(started(unpacked, store))
    chosen = {"project": "shop", "read_only": "true"}
    async with Client(started(unpacked, store)) as client:
        await Agent(client).file_ticket()
    async with Client(started(unpacked, store, **chosen)) as client:
        assert (await Agent(client).call("get_overview"))["own_project"] == "shop"
        listed = await client.list_tools()
    assert "create_ticket" not in [tool.name for tool in listed.tools]


def test_it_holds_the_server_and_nothing_else(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir()} == {
        *("manifest.json", "server.py", "requirements.txt", "pyproject.toml"),
        *("mcp_handoff", "README.md", "LICENSE"),
    }
    assert not list(unpacked.rglob("__pycache__"))
