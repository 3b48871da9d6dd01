"""The plugin in Claude Code itself, which has no account here: its API is a receiver of the test's
own, and its settings lie in a folder of the test's own."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from mcp_handoff import __version__
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.clients.programs import LISTED
from tests.databases import in_store
from tests.dispatch.receiver import Answer, Receiver
from tests.npm import SECONDS, installed, run_node
from tests.test_inbox_command import caller_in

pytestmark = [
    pytest.mark.proof,
    pytest.mark.timeout(SECONDS + 100),
]  # the first test installs the programs

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "plugin"

Claude = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def claude(kept_packages: Path, tmp_path: Path, store: Path) -> Claude:
    """Claude Code in an empty folder, with the command mcp-handoff on its path."""
    packages = installed(LISTED, kept_packages)
    script = packages / "node_modules/@anthropic-ai/claude-code/cli-wrapper.cjs"
    folder = tmp_path / "folder"
    folder.mkdir()
    settings = {
        "HOME": str(tmp_path),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "HANDOFF_BACKEND": f"sqlite:///{store}",
        "HANDOFF_PROJECT": "shop",
    }

    def run(*arguments: str | Path, **more: str) -> "CompletedProcess[str]":
        return run_node(script, *arguments, env={**settings, **more}, cwd=folder, input="")

    return run


@pytest.mark.parametrize("place", [PLUGIN, ROOT], ids=["plugin", "marketplace"])
def test_it_finds_nothing_wrong(claude: Claude, place: Path) -> None:
    checked = claude("plugin", "validate", "--strict", place)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_installed_from_the_marketplace_its_server_connects(claude: Claude) -> None:
    for arguments in (("marketplace", "add", ROOT), ("install", "handoff@mcp-handoff")):
        done = claude("plugin", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    listed = json.loads(claude("plugin", "list", "--json").stdout)
    assert ("handoff@mcp-handoff", __version__) in [(one["id"], one["version"]) for one in listed]
    assert "handoff: mcp-handoff  - ✔ Connected" in claude("mcp", "list").stdout


def test_a_session_begins_with_what_waits_and_knows_the_desk(claude: Claude, store: Path) -> None:
    """A model is told, before anybody says a word to it, of what waits, of the desk and of the
    skill."""

    async def file(opened: StoreBackend) -> None:
        await opened.create_ticket(caller_in("now", "codex"), requests.create_ticket())

    in_store(store, file)
    with Receiver(Answer(status=400)) as api:
        claude(
            *("-p", "hello", "--plugin-dir", PLUGIN),
            ANTHROPIC_BASE_URL=api.url,
            ANTHROPIC_API_KEY="none",
        )
        told = api.first().body
    assert "This waits at the handoff desk, in project shop." in told
    assert "HO-1-shop; type bug; priority medium; stage backlog" in told
    assert "A desk where agents and people hand work to one another" in told
    assert "handoff:handoff: Hand work over to other agents and people" in told


def test_a_session_in_a_project_where_nothing_waits_begins_as_ever(claude: Claude) -> None:
    with Receiver(Answer(status=400)) as api:
        claude(
            *("-p", "hello", "--plugin-dir", PLUGIN),
            ANTHROPIC_BASE_URL=api.url,
            ANTHROPIC_API_KEY="none",
        )
        assert "SessionStart" not in api.first().body
