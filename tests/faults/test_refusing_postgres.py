"""A PostgreSQL that refuses the user says why: the password, the login, or which privilege."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from mcp_handoff.errors import BackendUnavailable, HandoffError, Misconfigured
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.backends.wording import assert_own_words
from tests.clusters import Cluster, cluster
from tests.databases import in_store
from tests.faults.writes import CALLER, opened
from tests.http.served import Served
from tests.postgres import require_binaries

pytestmark = pytest.mark.proof

PASSWORD = "0ld-s3cret"
CREDENTIALS = "it refused the user or the password; set the right ones in HANDOFF_BACKEND"
ROTATE = "ALTER ROLE {role} PASSWORD 'n3w-s3cret'"

REFUSALS = {
    ROTATE: CREDENTIALS,
    "ALTER ROLE {role} NOLOGIN": CREDENTIALS,
    "ALTER ROLE {role} CONNECTION LIMIT 0": "it has no connection left",
    "REVOKE CONNECT ON DATABASE {role} FROM PUBLIC, {role}": "its user needs GRANT CONNECT",
}


class Role:
    """A user who logs in with a password, and the database of that name."""

    def __init__(self, server: Cluster) -> None:
        self.name = f"role_{uuid4().hex}"
        self._admin = server.url
        self.execute("CREATE ROLE {role} LOGIN PASSWORD '" + PASSWORD + "'")
        self.execute("CREATE DATABASE {role} OWNER {role}")
        port = conninfo_to_dict(server.url)["port"]
        self.url = f"postgresql://{self.name}:{PASSWORD}@127.0.0.1:{port}/{self.name}"
        self._inside = server.url.removesuffix("/postgres") + f"/{self.name}"

    def execute(self, sql: str) -> None:
        """Run a statement of the administrator, in which {role} is the user and the database."""
        _execute(self._admin, sql.format(role=self.name))

    def execute_inside(self, sql: str) -> None:
        """Run one in the database of the user."""
        _execute(self._inside, sql.format(role=self.name))

    def disconnect(self) -> None:
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename='{role}'"
        )

    def make_store(self) -> None:
        """Make one that belongs to the administrator and that the user may use."""
        in_store(self._inside, StoreBackend.check_ready)
        tables = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        self.execute_inside(f"GRANT {tables} TO {{role}}")
        self.execute_inside("ALTER SCHEMA public OWNER TO CURRENT_USER")


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of these tests' own, to make users in."""
    require_binaries()
    with cluster() as started:
        yield started


@pytest.fixture
def role(server: Cluster) -> Role:
    return Role(server)


async def test_a_call_says_why_connections_are_refused_and_works_once_they_are_not(
    server: Cluster,
) -> None:
    async def refused(sql: str, reason: str) -> None:
        role = Role(server)
        async with opened(role.url) as desk:
            role.execute(sql)
            role.disconnect()
            told = await failure(desk)
            assert isinstance(told, BackendUnavailable)
            assert_own_words(told)
            assert reason in told.message
            role.execute("GRANT CONNECT ON DATABASE {role} TO {role}")
            role.execute("ALTER ROLE {role} LOGIN CONNECTION LIMIT -1 PASSWORD '" + PASSWORD + "'")
            while await failure(desk):  # an attempt that waits for its next turn
                pass

    await asyncio.gather(*(refused(sql, reason) for sql, reason in REFUSALS.items()))


def test_readiness_says_that_the_password_is_refused(role: Role, store: Path) -> None:
    with Served(store, HANDOFF_BACKEND=role.url) as served:
        assert served.http.get("/readyz").status_code == 200
        role.execute(ROTATE)
        role.disconnect()
        unready = served.http.get("/readyz")
        assert unready.status_code == 503
        assert CREDENTIALS in unready.json()["error"]
        assert PASSWORD not in unready.text


@pytest.mark.parametrize("setting", ["", "?search_path=public"])
async def test_a_missing_privilege_is_named_as_what_to_grant_and_had_without_a_restart(
    role: Role, setting: str
) -> None:
    role.make_store()
    async with opened(role.url + setting) as desk:
        assert await failure(desk) is None
        role.execute_inside("REVOKE INSERT, UPDATE ON tickets FROM {role}")
        assert await denied(desk) == "its user needs GRANT INSERT, UPDATE ON tickets"
        role.execute_inside("REVOKE ALL ON tickets FROM {role}")
        with pytest.raises(BackendUnavailable, match=r"needs GRANT SELECT ON tickets\."):
            await desk.find_tickets(CALLER, requests.find_tickets())
        role.execute_inside("GRANT SELECT, INSERT, UPDATE ON tickets TO {role}")
        assert await failure(desk) is None
        role.execute_inside("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
        assert "its user needs GRANT USAGE on the schema" in await denied(desk)


async def test_what_no_grant_on_a_table_allows_is_denied_in_general_words(role: Role) -> None:
    database = PostgresDatabase.open(role.url)
    with pytest.raises(BackendUnavailable, match="its user may not do this") as refused:
        await database.read(lambda tx: tx.fetch_one("SELECT pg_read_file('tickets')"))
    assert_own_words(refused.value)
    await database.close()


def test_a_missing_privilege_stops_the_start_and_is_named(role: Role) -> None:
    role.execute_inside("ALTER SCHEMA public OWNER TO CURRENT_USER")
    assert refusal(role) == "its user needs GRANT CREATE ON SCHEMA public."
    role.make_store()
    role.execute_inside("REVOKE SELECT ON handoff_schema FROM {role}")
    assert refusal(role) == "its user needs GRANT SELECT ON handoff_schema."


async def failure(desk: StoreBackend) -> HandoffError | None:
    """File a ticket; return why it was not filed."""
    try:
        await desk.create_ticket(CALLER, requests.create_ticket(title=uuid4().hex))
    except HandoffError as error:
        return error
    return None


async def denied(desk: StoreBackend) -> str:
    """Return the reason why a ticket can't be filed."""
    told = await failure(desk)
    assert isinstance(told, BackendUnavailable)
    assert_own_words(told)
    reason, _, rest = told.message.removeprefix("The database could not do it: ").partition(". ")
    assert rest == "Nothing was changed."
    return reason


def refusal(role: Role) -> str:
    """Return why the database can't be opened."""
    with pytest.raises(Misconfigured) as refused:
        PostgresDatabase.open(role.url)
    assert_own_words(refused.value)
    return refused.value.message.partition(" can't be used: ")[2]


def _execute(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())
