"""Many mcp-handoff servers on one file, each with a client that files tickets, all at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from benchmarks.contenders import Contender, ours
from benchmarks.pipes import Failed, Server
from benchmarks.table import markdown, milliseconds, verdict
from mcp_handoff.sqlite.database import SqliteDatabase

SERVERS = 8
CALLS = 25

_HEAD = [f"{SERVERS} servers on one file, {CALLS} creates each", "mcp-handoff", "target", "met"]


def gather() -> str:
    """Let them write and return the table."""
    with TemporaryDirectory() as folder:
        store = Path(folder) / "handoff.db"
        taken = _file_at_once(store)
        stored = anyio.run(_stored, store)
    answered = [seconds for seconds in taken if seconds is not None]
    return markdown(_HEAD, _rows(len(taken) - len(answered), stored, max(answered, default=0)))


def _file_at_once(store: Path) -> list[float | None]:
    """Return the seconds that each call took, None for one that failed."""
    contender = ours()
    with ThreadPoolExecutor(SERVERS) as clients, ExitStack() as stack:
        servers = list(clients.map(contender.start, [store] * SERVERS))
        for server in servers:
            stack.enter_context(server)
        outcomes = clients.map(partial(_file, contender), servers, range(SERVERS))
        return [seconds for outcome in outcomes for seconds in outcome]


def _file(contender: Contender, server: Server, client: int) -> list[float | None]:
    return [_create(contender, server, client * CALLS + call) for call in range(CALLS)]


def _create(contender: Contender, server: Server, number: int) -> float | None:
    try:
        return contender.create(server, number)
    except Failed:
        return None


async def _stored(store: Path) -> int:
    database = SqliteDatabase.open(store, read_only=True)
    row = await database.read(lambda tx: tx.fetch_one("SELECT count(*) AS tickets FROM tickets"))
    await database.close()
    return row["tickets"] if row else 0


def _rows(errors: int, stored: int, slowest: float) -> list[list[str]]:
    wanted = SERVERS * CALLS
    return [
        ["errors", str(errors), "0", verdict(errors == 0)],
        ["tickets stored", str(stored), str(wanted), verdict(stored == wanted)],
        ["slowest call, ms", milliseconds(slowest), "", ""],
    ]
