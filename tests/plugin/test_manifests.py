"""What registries and clients read of the server: it is true, and of this version."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from mcp import Client

from mcp_handoff import __version__
from mcp_handoff.variables import VARIABLES
from tests.clusters import free_port
from tests.http.served import Served, make_project, make_token

ROOT = Path(__file__).parents[2]
MANIFESTS = (
    "plugin/.claude-plugin/plugin.json",
    "gemini-extension.json",
    "bundle/manifest.json",
    "server.json",
)
HOLDS_SECRETS = {"HANDOFF_BACKEND", "BUILD_DISPATCH_URL"}
"""Variables that may hold a password or a key, beside those that are one."""

OF_SERVE = ("HANDOFF_OAUTH_", "HANDOFF_RATE_LIMIT", "HANDOFF_TRUSTED_PROXIES")
"""How the variables begin that mean something to `serve` alone."""


def read(name: str) -> dict[str, Any]:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def packages() -> Iterator[dict[str, Any]]:
    yield from read("server.json")["packages"]


def variables() -> Iterator[dict[str, Any]]:
    for package in packages():
        yield from package["environmentVariables"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_of_the_packages_version(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    told = re.findall(r'"version": "([^"]+)"|==([^"]+)"', text)
    assert {version or pinned for version, pinned in told} == {__version__}


def test_the_registry_would_take_the_server() -> None:
    schema = json.loads((Path(__file__).parent / "server.schema.json").read_text())
    validator: Any = Draft7Validator(schema)
    assert validator.is_valid(read("server.json"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- mcp-name: {read('server.json')['name']} -->" in readme


def test_every_variable_can_be_set_where_it_means_something() -> None:
    over_stdio, served = (
        {variable["name"] for variable in package["environmentVariables"]} for package in packages()
    )
    assert served == set(VARIABLES)
    assert served - over_stdio == {name for name in VARIABLES if name.startswith(OF_SERVE)}
    bundled = read("bundle/manifest.json")["server"]["mcp_config"]["env"]
    assert set(bundled) <= set(VARIABLES)


def test_every_secret_is_marked_as_one() -> None:
    for variable in variables():
        is_secret = re.search("TOKEN|SECRET", variable["name"]) or variable["name"] in HOLDS_SECRETS
        assert variable.get("isSecret", False) == bool(is_secret), variable["name"]
    asked = read("bundle/manifest.json")["user_config"]
    assert {name for name, one in asked.items() if one.get("sensitive")} == {"api_token"}


async def test_the_entry_over_http_serves_what_an_api_keeps(store: Path) -> None:
    *_, package = packages()
    command, *options = package["packageArguments"]
    values = {one["name"]: one["default"] for one in options if "default" in one}
    values["--port"] = str(free_port())  # for the usual one may be taken
    address = re.sub(r"\{(.+?)\}", lambda name: values[name[1]], package["transport"]["url"])
    token = make_token(store, "claude", "bot")
    make_project(store, "shop")
    assert command["value"] == "serve"
    with Served(store) as desk:
        api = {"HANDOFF_BACKEND": f"{desk.url}/api", "HANDOFF_API_TOKEN": token}
        assert set(api) <= {variable["name"] for variable in package["environmentVariables"]}
        given = [part for option in values.items() for part in option]
        with Served(store, *given, **api):
            async with Client(address) as client:
                told = await client.call_tool("get_overview", {"project": "shop"})
    assert not told.is_error
    assert told.structured_content is not None
    assert told.structured_content["you"] == "claude (bot)"
