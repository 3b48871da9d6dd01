"""Taking in an archive: what is there already stays, what is not is added, or nothing is."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from mcp_handoff.archives.archive import LISTED, Archive, Line, Outcome, Undone
from mcp_handoff.principals import Principal
from mcp_handoff.progress import Progress
from mcp_handoff.store import links
from mcp_handoff.store.archive_tables import ANY_NUMBER, TABLES, Table
from mcp_handoff.store.ticket_filters import author_keys
from mcp_handoff.store.ticket_rows import roles_by_ticket
from mcp_handoff.store.ticket_terms import index_ticket
from mcp_handoff.store.transaction import Row, Transaction
from mcp_handoff.tickets import urgency
from mcp_handoff.workflow import STILL_TO_ACT, Standing

BATCH_ROWS = 1_000
"""How many rows are looked up and written together at most."""

BATCH_BYTES = 2**20
"""How many bytes of an archive make a batch, however few rows they are."""

_BY_KIND = {table.kind: place for place, table in enumerate(TABLES)}
_BY_NAME = {table.name: table for table in TABLES}

Given = tuple[Line, dict[str, Any]]
"""A line, and its row as it is stored."""


def import_archive(
    tx: Transaction, archive: Archive, progress: Progress, *, dry_run: bool
) -> Outcome:
    """Take in all of an archive, and return what that was.

    Raises Undone where a row does not fit, or after a `dry_run`; the transaction is to end with it.
    """
    work = _Import(tx)
    _give_way(tx)
    for batch in _batches(archive):
        work.take(batch)
        progress("Importing", batch[-1].bytes_read, archive.size)
    tx.fetch_one("SELECT 1 AS one")  # where the database refused anything, it says so by now
    outcome = work.outcome
    if dry_run or outcome.problems:
        raise Undone(outcome)
    return outcome


def _batches(archive: Archive) -> Iterator[list[Line]]:
    """Yield the lines of an archive, those of one kind that follow each other together."""
    batch: list[Line] = []
    began = 0
    for line in archive:
        size = line.bytes_read - began
        if batch and (line.kind != batch[0].kind or len(batch) == BATCH_ROWS or size > BATCH_BYTES):
            yield batch
            batch, began = [], batch[-1].bytes_read
        batch.append(line)
    if batch:
        yield batch


def _give_way(tx: Transaction) -> None:
    """Have a store that holds nothing but its organization take that of the archive."""
    others = [table.name for table in TABLES if table.name != "organizations"]
    if not any(tx.fetch_one(f"SELECT 1 AS one FROM {name} LIMIT 1") for name in others):
        tx.execute("DELETE FROM organizations")


class _Import:
    """An import under way: what was taken in, and what did not fit."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._added: Counter[str] = Counter()
        self._present = 0
        self._problems: list[str] = []
        self._more = 0
        self._place = 0

    @property
    def outcome(self) -> Outcome:
        return Outcome(self._added, self._present, self._problems, self._more)

    def take(self, lines: Sequence[Line]) -> None:
        """Add what is not there of lines of one kind."""
        place = _BY_KIND.get(lines[0].kind)
        if place is None or place < self._place:
            why = "is not known to this version" if place is None else "comes too late"
            self._refuse(lines[0], f"a row of kind {lines[0].kind!r} {why}")
            return
        self._place, table = place, TABLES[place]
        rows = [row for _, row in self._new(table, self._fitting(table, lines))]
        if self._problems or not rows:
            return  # it will be undone, and is looked through for what else does not fit
        completed = _COMPLETED.get(table.kind, _as_they_are)(self._tx, rows)
        self._tx.insert_rows(table.name, completed)
        if table.kind in _FOLLOWED:
            _FOLLOWED[table.kind](self._tx, completed)
        self._added[table.kind] += len(rows)

    def _fitting(self, table: Table, lines: Sequence[Line]) -> list[Given]:
        """Return the lines whose fields are right, and refer to what is there."""
        right: list[Given] = []
        for line in lines:
            if problems := [*table.problems_of(line.fields)]:
                self._refuse(line, "; ".join(problems))
            else:
                right.append((line, table.row_of(line.fields)))
        for column, name in () if self._problems else table.parents.items():
            asked = {(row[column],) for _, row in right if row[column] is not None}
            known = {(found["id"],) for found in _find(self._tx, _BY_NAME[name], ("id",), asked)}
            for line, row in right:
                if row[column] is not None and (row[column],) not in known:
                    self._refuse(line, f"{column} names nothing that comes before it")
            right = [given for given in right if (given[1][column] or None,) in {*known, (None,)}]
        return right

    def _new(self, table: Table, given: Sequence[Given]) -> list[Given]:
        """Return the lines that are not there yet."""
        there = self._there(table, table.key, given)
        taken = [(names, self._there(table, names, given)) for names in table.unique]
        new: list[Given] = []
        for line, row in given:
            key = _values(row, table.key)
            if key in there:
                if table.fields_of(there[key]) == dict(line.fields):
                    self._present += 1
                else:
                    self._refuse(line, f"{_name_of(table, row)} is there already, and differs")
                continue
            slots = [(by, _values(row, names)) for names, by in taken if _claims(table, names, row)]
            if other := next((slot for by, slot in slots if slot in by), None):
                name = " ".join(map(str, other))
                self._refuse(line, f"there is another {table.kind} {name} already")
                continue
            new.append((line, row))
            there[key] = row
            for by, slot in slots:
                by[slot] = row
        return new

    def _there(
        self, table: Table, names: Sequence[str], given: Sequence[Given]
    ) -> dict[tuple[Any, ...], Row]:
        """Return the rows that are there with what these lines have in some columns, by that."""
        asked = {_values(row, names) for _, row in given if _claims(table, names, row)}
        rows = _find(self._tx, table, names, asked)
        return {_values(row, names): row for row in rows if _claims(table, names, row)}

    def _refuse(self, line: Line, why: str) -> None:
        if len(self._problems) < LISTED:
            self._problems.append(f"line {line.number}: {why}")
        else:
            self._more += 1


def _values(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _claims(table: Table, names: Sequence[str], row: Row) -> bool:
    """Tell whether no other row may have the same in these columns."""
    if names != table.key and table.unique_where and row[table.unique_where] is not None:
        return False
    return None not in _values(row, names)


def _name_of(table: Table, row: Row) -> str:
    names = ("slug",) if "slug" in row else table.key
    return " ".join([table.kind, *(str(row[name]) for name in names)])


def _find(
    tx: Transaction, table: Table, names: Sequence[str], asked: set[tuple[Any, ...]]
) -> list[Row]:
    """Return the rows of a table that have the values that are asked for in these columns."""
    if not asked:
        return []
    conditions = [
        f"x.{name} = CAST(asked.value ->> {place} AS BIGINT)"
        if table.columns[name] in (int, ANY_NUMBER)
        else f"x.{name} = asked.value ->> {place}"
        for place, name in enumerate(names)
    ]
    columns = ", ".join(f"x.{name}" for name in table.columns)
    return tx.fetch_all(
        f"SELECT {columns} FROM {tx.rows_among('asked')} CROSS JOIN {table.name} x"
        f" WHERE {' AND '.join(conditions)}",
        asked=json.dumps([*asked]),
    )


def _as_they_are(_: Transaction, rows: Sequence[Row]) -> list[Row]:
    return [*rows]


def _complete_tickets(_: Transaction, rows: Sequence[Row]) -> list[Row]:
    return [
        {
            **row,
            "urgency": urgency(row["priority"], blocking=bool(row["blocking"])),
            **_author_keys(row),
            "blockers": 0,
        }
        for row in rows
    ]


def _complete_roles(tx: Transaction, rows: Sequence[Row]) -> list[Row]:
    tickets = _tickets_of(tx, rows)
    listed = ("project_id", "number", "stage", "request_type", "urgency")
    return [
        {
            **row,
            **{name: tickets[row["ticket_id"]][name] for name in listed},
            "waits": int(row["status"] in STILL_TO_ACT),
            "ready": 0,
        }
        for row in rows
    ]


def _complete_takes(tx: Transaction, rows: Sequence[Row]) -> list[Row]:
    tickets = _tickets_of(tx, rows)
    listed = ("project_id", "number", "urgency")
    return [
        {
            **row,
            **{name: tickets[row["ticket_id"]][name] for name in listed},
            **_author_keys(row),
        }
        for row in rows
    ]


def _author_keys(row: Row) -> Row:
    """Return the columns by which a row is found under the names of who wrote it."""
    if row["principal_id"] is None:  # it is older than principals
        return {"actor_key": row["actor_id"] and row["actor_id"].casefold(), "principal_key": None}
    principal = Principal(row["principal_id"], row["principal_name"] or "", "user")
    return author_keys(row["actor_id"], principal)


def _tickets_of(tx: Transaction, rows: Sequence[Row]) -> Mapping[str, Row]:
    """Return the tickets that rows belong to, by their ids, with what lists have of them."""
    found = tx.fetch_all(
        "SELECT t.id, t.project_id, t.number, t.stage, t.request_type, t.urgency, t.blockers"
        f" FROM {tx.rows_among('asked')} CROSS JOIN tickets t WHERE t.id = asked.value ->> 0",
        asked=_asked({row["ticket_id"] for row in rows}),
    )
    return {row["id"]: row for row in found}


def _asked(ids: Collection[str]) -> str:
    """Return ids as `rows_among` takes them."""
    return json.dumps([[one] for one in ids])


def _index_tickets(tx: Transaction, rows: Sequence[Row]) -> None:
    for row in rows:
        index_ticket(tx, row)


def _count_blockers(tx: Transaction, rows: Sequence[Row]) -> None:
    tx.execute(
        "UPDATE tickets SET blockers = (SELECT count(*) FROM links l JOIN tickets b"
        " ON b.id = l.blocker_id WHERE l.ticket_id = tickets.id AND b.status = 'open')"
        f" WHERE id IN (SELECT asked.value ->> 0 FROM {tx.rows_among('asked')})",
        asked=_asked({row["ticket_id"] for row in rows}),
    )


def _note_readiness(tx: Transaction, rows: Sequence[Row]) -> None:
    tickets = _tickets_of(tx, rows)
    roles = roles_by_ticket(tx, [*tickets])
    for ticket_id, ticket in tickets.items():
        standing = Standing.of(ticket["stage"], roles[ticket_id])
        for role in standing.open_roles:
            if standing.is_clear_for(role) and not ticket["blockers"]:
                links.write_ready(tx, ticket_id, role, ready=True)


_COMPLETED: Mapping[str, Callable[[Transaction, Sequence[Row]], list[Row]]] = {
    "ticket": _complete_tickets,
    "role": _complete_roles,
    "take": _complete_takes,
}
"""What finds again the columns that an archive leaves out, by the kind of rows."""

_FOLLOWED: Mapping[str, Callable[[Transaction, Sequence[Row]], None]] = {
    "ticket": _index_tickets,
    "link": _count_blockers,
    "role": _note_readiness,
}
"""What is found again of others once rows are there."""
