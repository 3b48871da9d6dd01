"""Fills a store with tickets in bulk: rows like those that as many calls would have left."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import apsw

from benchmarks.vocabulary import Author
from mcp_handoff.actors import Caller
from mcp_handoff.ids import new_id
from mcp_handoff.projects import CreateProject
from mcp_handoff.schema import timestamp
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.sqlite.transaction import SqliteTransaction
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.ticket_rows import LISTED_COLUMNS
from mcp_handoff.store.ticket_terms import index_ticket
from mcp_handoff.tickets import PRIORITIES, REQUEST_TYPES, urgency
from mcp_handoff.workflow import MERGED, ROLES, Standing

_TRANSACTION = 20_000
"""How many tickets one transaction takes."""

AUTHORS = 4
"""How many agents filed the tickets, agent-0 and so on."""

_CLOSED, _BLOCKING = 0.1, 0.2
_UNSAID = dict.fromkeys(("evidence", "suggested_resolution", "implementation_notes"))
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any]


def filed_at(number: int) -> str:
    """Return when the ticket with this number was filed, and changed for the last time."""
    return timestamp(_BEGAN + timedelta(seconds=number))


async def fill(path: Path, caller: Caller, count: int) -> None:
    """Make a store with `count` tickets in the caller's project, one in ten of them closed."""
    backend = StoreBackend(SqliteDatabase.open(path))
    request = CreateProject(name=caller.project, slug=caller.project)
    project = (await backend.create_project(caller, request)).project
    await backend.close()
    with closing(apsw.Connection(str(path))) as connection:
        _run(connection, "PRAGMA synchronous = OFF")
        _run(connection, "PRAGMA cache_size = -500000")
        for first in range(1, count + 1, _TRANSACTION):
            with connection:
                _insert(connection, project.id, range(first, min(first + _TRANSACTION, count + 1)))
        _run(connection, "UPDATE projects SET last_number = :count", [{"count": count}])


def _insert(connection: apsw.Connection, project_id: str, numbers: range) -> None:
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    writer = _Writer(project_id, seed=numbers.start)
    for number in numbers:
        for table, row in writer.ticket(number):
            rows[table].append(row)
    for table, of_table in rows.items():
        names = list(of_table[0])
        places = ", ".join(f":{name}" for name in names)
        _run(connection, f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", of_table)
    tx = SqliteTransaction(connection, _BEGAN)
    for ticket in rows["tickets"]:
        index_ticket(tx, {**_UNSAID, **ticket})


def _run(connection: apsw.Connection, sql: str, rows: Sequence[Row] = ({},)) -> None:
    connection.executemany(sql, rows)  # pyright: ignore[reportUnknownMemberType] - its stub names a type that Python 3.11 has not


class _Writer:
    """Writes tickets with all that belongs to them, the same ones in every run but for the ids."""

    def __init__(self, project_id: str, seed: int) -> None:
        self._project_id = project_id
        self._random = Random(seed)
        self._author = Author(seed)

    def ticket(self, number: int) -> Iterator[tuple[str, Row]]:
        """Yield the rows of a ticket, each with its table."""
        ticket_id = new_id()
        now = filed_at(number)
        closed = self._random.random() < _CLOSED
        row = self._ticket(ticket_id, number, now, closed=closed)
        yield "tickets", row
        roles = [*self._random.sample(ROLES, self._random.randint(1, 2)), MERGED]
        standing = Standing(row["stage"], dict.fromkeys(roles, "done" if closed else "pending"))
        for position, role in enumerate(roles):
            yield (
                "ticket_roles",
                {
                    "ticket_id": ticket_id,
                    "position": position,
                    "role": role,
                    "status": standing.roles[role],
                    "waits": 0 if closed else 1,
                    "ready": int(standing.is_clear_for(role)),
                    "updated_at": now,
                    **{name: row[name] for name in (*LISTED_COLUMNS, "number")},
                },
            )
        yield "events", self._event(ticket_id, now, roles)

    def _ticket(self, ticket_id: str, number: int, now: str, *, closed: bool) -> Row:
        priority, blocking = self._random.choice(PRIORITIES), self._random.random() < _BLOCKING
        filed_by = f"agent-{self._random.randrange(AUTHORS)}"
        return {
            "id": ticket_id,
            "project_id": self._project_id,
            "number": number,
            "title": self._author.title(),
            "description": self._author.description(),
            "request_type": self._random.choice(REQUEST_TYPES),
            "priority": priority,
            "blocking": int(blocking),
            "status": "closed" if closed else "open",
            "stage": "live" if closed else "backlog",
            "actor_role": "bot",
            "actor_id": filed_by,
            "actor_key": filed_by,
            "urgency": urgency(priority, blocking=blocking),
            "source": "bot",
            "fingerprint": self._random.getrandbits(64) - 2**63,
            "created_at": now,
            "updated_at": now,
        }

    def _event(self, ticket_id: str, now: str, roles: list[str]) -> Row:
        after = {"status": "open", "stage": "backlog", "roles": roles}
        return {
            "kind": "ticket.created",
            "project_id": self._project_id,
            "ticket_id": ticket_id,
            "subject_id": ticket_id,
            "actor_role": "bot",
            "actor_id": "bench",
            "source": "bot",
            "after": json.dumps(after),
            "created_at": now,
        }
