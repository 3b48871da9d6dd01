"""The tutorials and guides, followed to the letter: their commands in a shell, their agents' calls
by a real client, and what a person does in the portal in a real browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import Browser, Page, expect

from mcp_handoff import __version__
from tests.chromium import opened
from tests.clusters import PASSWORD, USER, cluster, free_port
from tests.deploy import programs
from tests.docs.tutorial import Tutorial
from tests.mcp.agent import text
from tests.mcp.wire import TIMEOUT
from tests.missing import missing
from tests.portal.screenshots import sign_in
from tests.postgres import require_binaries
from tests.repositories import Repository
from tests.requests import TICKET
from website.hooks import REPOSITORY

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PUBLISHED = ("mcp_handoff", "deploy", "pyproject.toml", "README.md", "LICENSE")
"""What of the repository is needed to install it and to put nginx in front."""

NEXT_VERSION = "99.0.0"

TITLE = "Checkout fails from the 100th item on"


def ask(
    connect: Callable[[], AbstractAsyncContextManager[Client]], tool: str, arguments: str
) -> str:
    """Return the text that a client reads of a call's answer. It has a thread of its own: a
    browser's event loop is in the way of another in this one."""

    async def call() -> str:
        async with connect() as client:
            return text(await client.call_tool(tool, json.loads(arguments)))

    with start_blocking_portal() as portal:
        return portal.call(call)


PROGRAMS = ("bash", "curl", "git", "openssl")
"""What the pages take for granted on a machine."""


@pytest.fixture(autouse=True)
def a_machine_as_the_pages_expect_it() -> None:
    """Skip a test where a program is missing; in CI that is a failure."""
    if lacking := [name for name in PROGRAMS if shutil.which(name) is None]:
        missing(f"{', '.join(lacking)} is not installed; the pages use it.")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """This repository, as git finds it where the docs say that it is."""
    published = tmp_path / "published"
    published.mkdir()
    for name in PUBLISHED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, published / name)
    subprocess.run(["git", "init", "--quiet"], cwd=published, timeout=TIMEOUT, check=True)
    publish(published)
    return published


def publish(repository: Path) -> None:
    """Commit all that is in a repository."""
    author = ("-c", "user.name=Ana", "-c", "user.email=ana@shop.example")
    for command in (("add", "."), (*author, "commit", "--quiet", "-mAll")):
        subprocess.run(["git", *command], cwd=repository, timeout=TIMEOUT, check=True)


@pytest.fixture
def offline(published: Path, home: Path) -> dict[str, str]:
    """An environment in which git finds this repository where the docs say that it is, and pip
    builds and installs it beside the libraries that are here already."""
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "{published}"]\n\tinsteadOf = {REPOSITORY}\n')
    (home / "bin").mkdir()
    (home / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    path = {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    [libraries] = {str(Path(module.__file__ or "").parents[1]) for module in (pytest, httpx2)}
    pip = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    return {**path, **pip, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": libraries}


def written_entry(home: Path) -> dict[str, Any]:
    """Return the entry for this server in the settings of Claude Code."""
    return json.loads((home / ".claude.json").read_text())["mcpServers"]["handoff"]


def installed(home: Path, environment: Mapping[str, str]) -> Client:
    """Return a client that starts what its settings say, in the tutorial's checkout."""
    own = {**environment, "HOME": str(home)}
    command = written_entry(home)["command"]
    return Client(StdioServerParameters(command=command, env=own, cwd=home / "shop"))


@asynccontextmanager
async def connected(home: Path) -> AsyncGenerator[Client]:
    """Yield a client that connects as its settings say, with the token of the tutorial's bot."""
    entry, token = written_entry(home), (home / "builder.token").read_text().strip()
    headers = {
        name: value.replace("${HANDOFF_TOKEN}", token) for name, value in entry["headers"].items()
    }
    async with (
        httpx2.AsyncClient(headers=headers, timeout=TIMEOUT) as http,
        Client(streamable_http_client(entry["url"], http_client=http)) as client,
    ):
        yield client


def on_path() -> dict[str, str]:
    """Return an environment in which the program under test is found."""
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def approve(portal: Page) -> None:
    """Execute the one proposal in the inbox, for it was proved, and see the ticket closed."""
    portal.get_by_role("link", name="Inbox").click()
    proposal = portal.locator("#to-approve article")
    expect(proposal).to_contain_text("proven")
    proposal.get_by_role("button", name="Execute").click()
    expect(portal.get_by_text("Nobody suggests to close anything.")).to_be_visible()
    portal.get_by_role("link", name="Board").click()
    expect(portal.locator("#stage-live .card")).to_contain_text(TITLE)


def test_alone_a_ticket_is_filed_done_and_closed_by_proof(
    home: Path, offline: dict[str, str], chromium: Browser
) -> None:
    port = free_port()
    agent = partial(ask, partial(installed, home, offline))
    page = DOCS / "tutorial-alone.md"
    with Tutorial(page, home, offline, port=port, agent=agent) as tutorial:
        tutorial.follow(until="Let an agent do it")
        with opened(chromium, f"http://127.0.0.1:{port}") as portal:
            portal.goto("/")
            expect(portal.locator("#stage-backlog .card")).to_contain_text(TITLE)
            tutorial.follow()
            approve(portal)


def test_a_team_files_over_http_and_a_forges_word_closes(home: Path, chromium: Browser) -> None:
    home.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    agent = partial(ask, partial(connected, home))
    page = DOCS / "tutorial-team.md"
    with Tutorial(page, home, on_path(), port=port, agent=agent) as tutorial:
        tutorial.follow(until="Sign in")
        with opened(chromium, url) as portal:
            sign_in(portal, (home / "mia.token").read_text().strip())
            expect(portal.locator("#stage-backlog .card")).to_contain_text(TITLE)
            tutorial.follow(until="Approve")
            approve(portal)
        tutorial.follow()


@contextmanager
def administered(home: Path) -> Generator[tuple[int, dict[str, str]]]:
    """Start a PostgreSQL whose administrator's password lies in this home; yield its port, and an
    environment in which psql is the administrator's."""
    require_binaries()
    with cluster() as started:
        port = urlsplit(started.url).port
        assert port is not None
        passwords = home / ".pgpass"
        passwords.write_text(f"127.0.0.1:{port}:*:{USER}:{PASSWORD}\n")
        passwords.chmod(0o600)
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": USER, "PGDATABASE": "postgres"}
        yield port, own


def rewrite(file: Path, old: str, new: str) -> None:
    """Put one text in another's place in a file of a repository, and publish it."""
    file.write_text(programs.replaced(file.read_text(), {old: new}))
    publish(file.parents[1])


def test_a_desk_is_installed_served_to_a_team_upgraded_restored_and_moved(
    home: Path, published: Path, offline: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = {str(Path(programs.installed(name)).parent) for name in ("nginx", "psql", "pg_dump")}
    offline["PATH"] = os.pathsep.join([offline["PATH"], *system])
    monkeypatch.setenv("SSL_CERT_FILE", str(home / "desk.crt"))
    port = free_port()
    rewrite(published / "deploy" / "nginx.conf", "8484", str(port))

    def agent(tool: str, arguments: str) -> str:
        over_http = "url" in written_entry(home)
        connect = partial(connected, home) if over_http else partial(installed, home, offline)
        return ask(connect, tool, arguments)

    with administered(home) as (database, own):
        ports = {"5432": database, "8443": free_port(), "8080": free_port()}
        page = DOCS / "operating.md"
        environment = {**offline, **own}
        with Tutorial(page, home, environment, port=port, agent=agent, ports=ports) as path:
            path.follow(until="Upgrade")
            rewrite(published / "mcp_handoff" / "__init__.py", __version__, NEXT_VERSION)
            path.follow(until="Restore")
            assert NEXT_VERSION in path.terminal("").run("mcp-handoff --version")
            path.follow()


def beside_its_store(home: Path) -> Client:
    """Return a client of a server in this home, in project shop."""
    environment = {**on_path(), "HOME": str(home), "HANDOFF_PROJECT": "shop"}
    return Client(StdioServerParameters(command="mcp-handoff", env=environment, cwd=home))


def test_agents_work_through_a_day_as_their_guide_says(home: Path) -> None:
    home.mkdir()
    agent = partial(ask, partial(beside_its_store, home))
    page = DOCS / "guides" / "agents.md"
    with Tutorial(page, home, on_path(), port=free_port(), agent=agent) as guide:
        guide.follow()
    ticket = agent("get_ticket", '{"ticket": 1}')
    assert 'roles: {"backend":"done","qa":"pending","merged":"pending"}' in ticket
    assert "How many items may a cart hold?" in ticket


@contextmanager
def guided(home: Path, name: str) -> Generator[Callable[[str, str], str]]:
    """Follow a guide in a home whose server runs, and whose project has one ticket; yield whom to
    ask what came of it."""
    port = free_port()
    agent = partial(ask, partial(beside_its_store, home))
    agent("create_ticket", json.dumps(TICKET))
    page = DOCS / "guides" / f"{name}.md"
    with Tutorial(page, home, on_path(), port=port, agent=agent) as guide:
        ready = re.compile("open to everyone on this machine")
        guide.terminal("of the server").start(f"mcp-handoff serve --port {port}\n", ready)
        guide.follow()
        yield agent


def test_a_pipeline_tells_of_merges_builds_and_failures_as_its_guide_says(
    home: Path, shop: Repository
) -> None:
    shop.commit("Lift the limit\n\nCloses HO-1")
    shop.path.rename(home)
    with guided(home, "ci") as agent:
        assert "HO-1-shop" in agent("list_suggestions", "{}")
        assert "status ready" in agent("find_builds", '{"ticket": 1}')
        assert "The nightly tests fail" in agent("get_ticket", '{"ticket": 2}')


def test_a_desk_behind_another_is_reached_as_its_guide_says(home: Path) -> None:
    home.mkdir()
    with guided(home, "backing-api"):
        pass
