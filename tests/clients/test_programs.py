"""Real clients connect with what was written for them: to a server that they start, and to a team's
server that asks for a token."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.installing import PROGRAM, environment, install
from tests.clients.programs import PROGRAMS, codex_status, listed, program
from tests.http.served import Served, make_token
from tests.npm import SECONDS

CONNECTED = {
    "claude-code": "✔ Connected",
    "gemini": "- Connected",
    "opencode": "✓ handoff connected",
}
"""How a client says of a server that it is connected."""

TRUSTED = {"GEMINI_CLI_TRUST_WORKSPACE": "true"}
"""What a person is asked for when Gemini CLI first starts in a folder."""

WITHOUT_CALLS_HOME = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
}

pytestmark = [
    pytest.mark.proof,
    pytest.mark.timeout(SECONDS + 100),
]  # the first test installs the programs


@pytest.fixture(params=PROGRAMS)
def client(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def installed(client: str, kept_packages: Path) -> Path:
    """The client's program."""
    return program(client, kept_packages)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that asks for a token, and has one."""
    store = tmp_path_factory.mktemp("team") / "handoff.db"
    token = make_token(store, "agent", "bot")
    with Served(store, token=token) as served:
        yield served


def connected(
    client: str, installed: Path, home: Path, directory: Path | None = None, **more: str
) -> bool:
    """Tell whether a client connects to the server that its file has."""
    here = directory or home
    settings = {**WITHOUT_CALLS_HOME, **TRUSTED, "HANDOFF_BACKEND": f"sqlite:///{home}/x.db"}
    environ = environment(home, **settings, **more)
    if client == "codex":
        return "create_ticket" in codex_status(installed, here, environ)["tools"]
    said = listed(installed, here, environ)
    assert "handoff" in said
    return CONNECTED[client] in said


def test_a_client_starts_the_server_that_was_written_for_its_user(
    client: str, installed: Path, home: Path
) -> None:
    install(home, client)
    assert connected(client, installed, home)


def test_a_client_brings_a_teams_server_the_token_of_the_environment(
    client: str, installed: Path, team: Served, home: Path
) -> None:
    install(home, client, "--url", team.url)
    assert connected(client, installed, home, HANDOFF_TOKEN=team.token)
    assert not connected(client, installed, home, HANDOFF_TOKEN=f"{team.token}x")


def test_a_client_finds_the_server_that_was_written_for_a_project(
    client: str, installed: Path, home: Path
) -> None:
    project = home / "shop"
    (project / ".git").mkdir(parents=True)
    install(home, client, "--scope", "project", directory=project)
    path = os.pathsep.join([str(Path(PROGRAM).parent), os.environ["PATH"]])
    if client == "claude-code":  # it connects once a person has approved
        said = listed(installed, project, environment(home, PATH=path))
        assert "handoff: mcp-handoff  - ⏸ Pending approval" in said
        return
    if client == "codex":  # what its app server tells is of no project
        trusted = f'[projects."{project}"]\ntrust_level = "trusted"\n'
        (home / ".codex").mkdir()
        (home / ".codex" / "config.toml").write_text(trusted)
        assert "handoff  mcp-handoff" in listed(installed, project, environment(home))
        return
    assert connected(client, installed, home, project, PATH=path)


def test_a_client_that_lost_the_entry_knows_no_server(
    client: str, installed: Path, home: Path
) -> None:
    install(home, client)
    install(home, client, "--remove")
    assert "handoff" not in listed(installed, home, environment(home, **TRUSTED))
