"""No statement of a store reads from its beginning what grows with the work: whatever an operation
does, it finds its rows by an index."""

from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, TypeVar, cast

import apsw

from mcp_handoff.backend import Store
from mcp_handoff.builds import GetBuild
from mcp_handoff.ids import new_id
from mcp_handoff.people import ListPeople
from mcp_handoff.principals import Principal
from mcp_handoff.progress import untold
from mcp_handoff.projects import ListProjects
from mcp_handoff.receivers import GetReceiver
from mcp_handoff.repositories import ListRepositories
from mcp_handoff.signals import ListSignals
from mcp_handoff.similarity import FindSimilar
from mcp_handoff.sqlite.transaction import SqliteTransaction, execute
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Database, Row, Transaction
from mcp_handoff.takes import ListTakes
from mcp_handoff.tokens import ListTokens
from mcp_handoff.trackers.incoming import Found, checked
from mcp_handoff.webhooks import ListWebhooks
from tests import requests
from tests.databases import open_database
from tests.faults.writes import CALLER, PREPARED, Desk

ResultT = TypeVar("ResultT")

READ_WHOLE: Mapping[str, str] = {
    "organizations": "a store has one",
    "receiver": "it has one row",
    "webhooks": "there are fifty at most",
    "projects": "where a page of all projects begins is looked up in each",
    "tokens": "the command that lists them lists all",
    "tokens_by_name": "those in force, among which a name or an id is looked for",
    "events_of_tokens": "as many as tokens were made, changed and revoked",
    "repositories": "the list of them has no pages",
    "repositories_by_project": "the same, by its index",
    "outbox_untried": "what is being sent is stepped over, and a new receiver takes all that wait",
}
"""What may be read from its beginning, a table or an index, and why it stays short."""

READ_WHOLE_BY: Mapping[tuple[str, str], str] = {
    ("redact_ticket", "idempotency"): "a kept result may name any ticket, and is kept for a month",
    ("redact_ticket", "outbox"): "what is still to be sent of a ticket or of its runs",
    ("prune", "outbox"): "the same, of a batch of tickets at once",
}
"""What one operation may read from its beginning, and why it stays short, or it is done seldom."""

NOT_ASKED = {
    *("changes", "check_ready", "close", "open_organization"),
    *("export_archive", "import_archive"),
}
"""What of a store is no operation, is done once in its life, or reads all of it by its nature."""


async def get_newest_build(store: Store) -> object:
    newest = (await store.find_builds(CALLER, requests.find_builds(limit=1))).items[0]
    return await store.get_build(CALLER, GetBuild(build_id=newest.id))


async def import_again(store: Store) -> object:
    """Import a ticket, and once more with a comment."""
    fields = {"origin": "bd-1", "title": "Lift the limit", "created_at": "2025-03-01"}
    thread = [{"body": "Here too.", "created_at": "2025-03-02"}]
    for found in (fields, {**fields, "comments": thread}):
        incoming = checked("beads", iter([Found("line 1", found)]))
        outcome = await store.import_tickets(CALLER, incoming, untold, dry_run=False)
    return outcome


READS: Sequence[Callable[[Store], Awaitable[object]]] = (
    lambda store: store.authenticate("mho_" + 43 * "x"),
    lambda store: store.authenticate_session("a session"),
    lambda store: store.claim_receiver(),
    lambda store: store.count_dispatches(),
    lambda store: store.end_overdue_runs(24),
    lambda store: store.find_all_tickets(CALLER, requests.find_all_tickets()),
    lambda store: store.find_builds(CALLER, requests.find_builds()),
    lambda store: store.find_builds(CALLER, requests.find_builds(status="failed")),
    lambda store: store.find_builds(CALLER, requests.find_builds(ticket="1")),
    lambda store: store.find_secret("github", "acme/shop"),
    lambda store: store.find_similar(CALLER, FindSimilar(title="Checkout fails")),
    lambda store: store.find_tickets(CALLER, requests.find_tickets()),
    lambda store: store.find_tickets(CALLER, requests.find_tickets(query="checkout chekout")),
    lambda store: store.find_tickets(CALLER, requests.find_tickets(role="qa", still_to_act=True)),
    lambda store: store.forget_deliveries(),
    lambda store: store.forget_keys(30),
    get_newest_build,
    lambda store: store.get_overview(CALLER, requests.get_overview()),
    lambda store: store.get_receiver(CALLER, GetReceiver()),
    lambda store: store.get_ticket(CALLER, requests.get_ticket(1)),
    lambda store: store.has_had_tokens(),
    import_again,
    lambda store: store.is_dispatch_due(),
    lambda store: store.is_dispatch_due([None, "a webhook"]),
    lambda store: store.list_events(CALLER, requests.list_events()),
    lambda store: store.list_events(CALLER, requests.list_events(ticket="1", newest_first=True)),
    lambda store: store.list_messages(CALLER, requests.list_messages(1)),
    lambda store: store.list_organizations(),
    lambda store: store.list_people(CALLER, ListPeople()),
    lambda store: store.list_projects(CALLER, ListProjects()),
    lambda store: store.list_questions(CALLER, requests.list_questions()),
    lambda store: store.list_repositories(CALLER, ListRepositories()),
    lambda store: store.list_signals(CALLER, ListSignals(tickets=["1"])),
    lambda store: store.list_suggestions(CALLER, requests.list_suggestions()),
    lambda store: store.list_suggestions(CALLER, requests.list_suggestions(status="expired")),
    lambda store: store.list_suggestions(CALLER, requests.list_suggestions(ticket="1")),
    lambda store: store.list_takes(CALLER, ListTakes()),
    lambda store: store.list_tokens(CALLER, ListTokens()),
    lambda store: store.list_webhooks(CALLER, ListWebhooks()),
    lambda store: store.still_let_in([Principal(new_id(), name, "bot") for name in "ab"]),
)


ENDS_OF_LOOPS = {"IdxGT", "IdxGE", "IdxLT", "IdxLE"}


class WatchedDatabase:
    """A database that writes down what its statements read from the beginning."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.read_whole = set[tuple[str, str]]()
        self.operation = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._database.write(partial(self._watch, operation))

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._database.read(partial(self._watch, operation))

    async def write_at_length(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._database.write_at_length(partial(self._watch, operation))

    async def read_apart(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        return await self._database.read_apart(partial(self._watch, operation))

    def _watch(self, operation: Callable[[Transaction], ResultT], tx: Transaction) -> ResultT:
        watched = watch_sqlite if isinstance(tx, SqliteTransaction) else watch_postgres
        found = list[str]()
        with watched(tx, found):
            result = operation(tx)
        read = {(self.operation, name) for name in found if name not in READ_WHOLE}
        self.read_whole |= read - READ_WHOLE_BY.keys()
        return result


class WatchedStore(StoreBackend):
    """A store that tells its database which operation is under way."""

    def __init__(self, database: WatchedDatabase) -> None:
        super().__init__(cast(Database, database))
        self._watched = database
        self.asked = set[str]()

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name in dir(Store):
            self.asked.add(name)
            self._watched.operation = name
        return super().__getattribute__(name)


@contextmanager
def watch_sqlite(tx: Transaction, found: list[str]) -> Generator[None]:
    """Look at the program of each statement, with those of its triggers and foreign keys. What
    looks for the newest event reads one row, though its program has a loop."""
    assert isinstance(tx, SqliteTransaction)
    run = dict[str, Any]()

    def note(_: apsw.Cursor, sql: str, values: Any) -> bool:
        run[sql] = values or {}
        return True

    tx.connection.exec_trace = note
    try:
        yield
    finally:
        tx.connection.exec_trace = None
    # Explained apart, by a connection that has just read the schema.
    with closing(apsw.Connection(tx.connection.filename)) as apart:
        look = SqliteTransaction(apart, tx.now)
        names = {
            row["rootpage"]: row["tbl_name" if row["name"].startswith("sqlite_") else "name"]
            for row in look.fetch_all("SELECT rootpage, name, tbl_name FROM sqlite_schema")
        }
        for sql, values in run.items():
            if not sql.startswith(("PRAGMA", "SAVEPOINT", "RELEASE")) and "max(seq)" not in sql:
                found.extend(names_of_loops(look.fetch_all(f"EXPLAIN {sql}", **values), names))


def names_of_loops(program: Sequence[Row], names: Mapping[int, str]) -> Iterator[str]:
    """Yield which tables and indexes a program steps through from an end of theirs, until no
    comparison with a key ends it (https://sqlite.org/opcode.html)."""
    steps, opened, begun = list[Row](), dict[int, str](), dict[int, str]()
    for step in program:
        cursor, opcode = step["p1"], step["opcode"]
        if opcode == "Init":  # of the statement, or of a trigger or a foreign key
            steps, opened, begun = [], {}, {}
        elif opcode in ("OpenRead", "OpenWrite"):
            opened[cursor] = names[step["p2"]]
        elif opcode == "OpenEphemeral":
            opened.pop(cursor, None)
        elif opcode in ("Rewind", "Last") or opcode.startswith("Seek"):
            begun[cursor] = opcode
        elif opcode in ("Next", "Prev") and cursor in opened:
            loop = [at["opcode"] for at in steps[step["p2"] :] if at["p1"] == cursor]
            if begun[cursor] in ("Rewind", "Last") and not ENDS_OF_LOOPS & {*loop}:
                yield opened[cursor]
        steps.append(step)


@contextmanager
def watch_postgres(tx: Transaction, found: list[str]) -> Generator[None]:
    """Ask the server what it reads whole, in functions and for foreign keys too, when it had rather
    use any index: of the few rows of a test it had rather not."""
    tx.fetch_one("SELECT set_config('enable_seqscan', 'off', true)")
    before = scans_of(tx)
    yield
    found.extend(name for name, times in scans_of(tx).items() if times > before.get(name, 0))


def scans_of(tx: Transaction) -> Mapping[str, int]:
    rows = tx.fetch_all(
        "SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = current_schema()"
    )
    return {row["relname"]: row["seq_scan"] for row in rows}


class StoreDesk(Desk):
    """Prepares what an operation needs in a store of either kind."""

    def __init__(self, backend: StoreBackend, name: str) -> None:
        super().__init__(backend, name)
        self._file = None if name.startswith("postgresql://") else name

    def execute(self, sql: str) -> None:
        if self._file is None:
            super().execute(sql)
        else:
            with closing(apsw.Connection(self._file)) as connection:
                execute(connection, sql)


async def test_no_statement_reads_what_grows_from_its_beginning(place: str) -> None:
    watched = WatchedDatabase(open_database(place))
    store = WatchedStore(watched)
    desk = StoreDesk(store, place)
    for prepare in PREPARED.values():
        await (await prepare(desk)).call(store)
    for read in READS:
        await read(store)
    await store.close()
    assert sorted(watched.read_whole) == []
    operations = {method for method in dir(Store) if not method.startswith("_")}
    assert operations - NOT_ASKED - store.asked == set()


async def test_what_is_read_from_its_beginning_is_found_out(place: str) -> None:
    watched = WatchedDatabase(open_database(place))
    await WatchedStore(watched).create_ticket(CALLER, requests.create_ticket())
    watched.operation = "look"
    await watched.read(lambda tx: tx.fetch_all("SELECT * FROM tickets WHERE title = 'x'"))
    await watched.read(lambda tx: tx.fetch_all("SELECT * FROM events WHERE seq > 0 LIMIT 1"))
    await watched.close()
    assert watched.read_whole == {("look", "tickets")}
