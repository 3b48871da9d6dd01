"""What every test can ask for."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Database
from tests.chromium import launched
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database
from tests.postgres import Server, shared_server
from tests.repositories import Repository, started


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_developer() -> None:
    """Keep the developer's own environment out of the tests."""
    for name in list(os.environ):
        if name.startswith(("HANDOFF_", "BUILD_DISPATCH_")):
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_reaches_what_is_started() -> None:
    """Undo what a shell does to a command in the background: its children would ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def caller() -> Caller:
    """A bot in project shop."""
    return Caller(bot("agent-1"), project="shop")


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where a test's store lies."""
    return tmp_path / "handoff.db"


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    """A git repository with one commit on main and no remote."""
    repository = started(tmp_path / "shop")
    repository.commit("Begin")
    return repository


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser that the tests of a file share; each opens pages of its own in it. The event loop
    that it runs on is in the way of tests that are asynchronous: they need a file of their own."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def kept_packages(pytestconfig: pytest.Config) -> Path:
    """Where packages are kept, from one run of the tests to the next, of which the tests' own
    environment knows nothing: those of npm, and other versions of PyPI's."""
    assert pytestconfig.cache is not None
    return pytestconfig.cache.mkdir("packages")


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str, pytestconfig: pytest.Config
) -> Iterator[Server]:
    """A PostgreSQL that all workers share."""
    own = tmp_path_factory.getbasetemp()
    with shared_server(own if worker_id == "master" else own.parent, pytestconfig) as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[str]:
    """The URL of a schema in PostgreSQL with nothing in it yet."""
    with postgres_server.schema() as url:
        yield url


@pytest.fixture
def database_name(store: Path) -> str:
    """Where a fresh store is: a file or a URL."""
    return str(store)


@pytest.fixture
async def database(database_name: str) -> AsyncIterator[Database]:
    """The database of the test's store, to look into it."""
    opened = open_database(database_name)
    yield opened
    await opened.close()


@pytest.fixture
async def backend(store: Path, clock: SteppedClock) -> AsyncIterator[Backend]:
    """A backend on a fresh store whose time only moves when the test says so."""
    opened = StoreBackend(SqliteDatabase.open(store, clock=clock))
    yield opened
    await opened.close()


@pytest.fixture(params=EVERY_DATABASE)
def place(request: pytest.FixtureRequest) -> str:
    """Where a fresh store is, on each database: a file or a URL."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
async def desk(place: str, clock: SteppedClock) -> AsyncIterator[StoreBackend]:
    """A fresh store on each database whose time only moves when the test says so."""
    opened = StoreBackend(open_database(place, clock=clock))
    yield opened
    await opened.close()
