"""What a store's operations ask of a database, and how values are kept in it."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from mcp_handoff.errors import TookTooLong
from mcp_handoff.events import Change

ResultT = TypeVar("ResultT")

Clock = Callable[[], datetime]

READ_SECONDS = 5.0
"""How long an operation may read before it is given up."""

Row = Mapping[str, Any]
"""Column names to values: text, integers, floats, booleans or None; JSON and instants are text."""


Terms = Sequence[str]
"""Any of these terms; one that ends in * stands for all that begin so."""


@dataclass(frozen=True, slots=True)
class IndexedTicket:
    """A ticket as the index of terms has it."""

    id: str
    project_id: str
    status: str
    terms: Sequence[str]

    @property
    def prefix(self) -> str:
        """What each of its terms begins with in the index: its project and status, so that a
        search never walks through other tickets."""
        return _prefix(self.project_id, self.status)


@dataclass(frozen=True, slots=True)
class Scope:
    """The tickets among which terms are looked up: a project's, with one status or any; `newest`
    is the highest number that one of them has."""

    project_id: str
    newest: int
    status: str

    def spelt(self, terms: Terms) -> Terms:
        """Return terms as the index has them."""
        statuses = ("open", "closed") if self.status == "any" else (self.status,)
        prefixes = [_prefix(self.project_id, status) for status in statuses]
        return [prefix + term for prefix in prefixes for term in terms]


def _prefix(project_id: str, status: str) -> str:
    """The end of a UUIDv7 is random: two projects hardly ever share it, and whoever reads the
    tickets that were found asks for their project all the same."""
    return project_id[-8:] + status[0]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows of a table that an index has in the order of their numbers, None for that of its key; in
    `condition`, that of all of them, {x} is the row."""

    table: str
    index: str | None
    condition: str
    newest_first: bool


class Transaction(Protocol):
    """One transaction: all that is done in it becomes durable together, or nothing does."""

    @property
    def now(self) -> datetime:
        """The instant of this transaction, in UTC."""
        ...

    def execute(self, sql: str, **values: Any) -> None:
        """Run a statement with `:name` parameters. What it raises may come later, with the
        outcome of a query or of the transaction."""
        ...

    def fetch_one(self, sql: str, **values: Any) -> Row | None:
        """Return the first row that a query gives, None without one."""
        ...

    def fetch_all(self, sql: str, **values: Any) -> list[Row]:
        """Return all rows that a query gives."""
        ...

    def fetch_one_locked(self, sql: str, *tables: str, **values: Any) -> Row | None:
        """Return the first row that a query gives, as it now is, and keep others from changing it
        until the transaction ends; in a join the parts that come from `tables`, by their names in
        the query."""
        ...

    def fetch_one_free(self, sql: str, *tables: str, **values: Any) -> Row | None:
        """Return and lock the first row as `fetch_one_locked` does, passing over those whose parts
        somebody else has locked."""
        ...

    def stream(self, sql: str) -> Iterator[Row]:
        """Yield the rows that a query gives, so many that memory holds a few of them at a time."""
        ...

    def bytewise(self, column: str) -> str:
        """Return, in SQL, what orders rows by the bytes of a text, as UTF-8."""
        ...

    def insert_rows(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows that all have the same columns, a few thousand at most, with the `seq` that
        they bring."""
        ...

    def lock(self, table: str, row_id: str) -> None:
        """Keep others from changing a row until the transaction ends.

        What is read of it afterwards is the newest; what was read of it before may be old.
        """
        ...

    def claim(self, number: int) -> None:
        """Keep out whoever else claims this number, of 64 bits, until the transaction ends. What is
        read afterwards is the newest."""
        ...

    def add_words(self, project_id: str, words: Mapping[str, str]) -> None:
        """Write down words of a project's tickets that a mistaken one may stand for, each with its
        letters backward; those that are known stay."""
        ...

    def index(self, ticket: IndexedTicket) -> None:
        """Write, or write anew, by which terms a ticket is found."""
        ...

    def remove_from_index(self, numbers: Sequence[int]) -> None:
        """Have tickets be found no more, by their `seq`; they are about to be deleted."""
        ...

    def file(self, ticket: Row, roles: Sequence[Row], indexed: IndexedTicket) -> Callable[[], int]:
        """Insert a ticket with its roles and terms under the next number of its project, and return
        what gives that: without waiting for it once the transaction is durable. Until then others
        wait for their numbers, so this comes last."""
        ...

    def newest_with(
        self, scope: Scope, lookups: Sequence[Sequence[Terms]], most: int
    ) -> list[list[int]]:
        """Return for each of `lookups` the `seq` of the newest tickets that have a term of every
        one of its parts: `most` of them at most, newest first. A term that many tickets have costs
        no more than one that as many have as are wanted."""
        ...

    def tickets_among(self, name: str) -> str:
        """Return the tickets `t` that a parameter of this name lists, as a source in SQL: a list
        of their `seq` as JSON. They are read one by one, whatever else is asked of them."""
        ...

    def rows_among(self, name: str) -> str:
        """Return the rows that a parameter of this name lists, as a source in SQL: a list of lists
        as JSON, of which `asked.value ->> 0` is the first value. SQLite takes the square of the
        time for so many parameters."""
        ...

    def join_first(self, stretch: Stretch, limit: str | None) -> str:
        """Return, in SQL, a join with the first rows `x` of a stretch for each row of what stands
        in front: as many as the parameter `limit` says, None for all."""
        ...

    def settled_events(self) -> int:
        """Return the number up to which the events that a later transaction sees are all that there
        will ever be."""
        ...

    def publish(self, change: Change) -> None:
        """Pass a change that no event tells of on to the subscribers of the database, once the
        transaction is durable. All others are read from the events."""
        ...


class Database(Protocol):
    """Runs operations, each in a transaction of its own."""

    async def write(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Run `operation` and return its result once it is durable.

        What it raises undoes what it wrote. Raises BackendUnavailable when the database can't.
        """
        ...

    async def read(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Run `operation` on one consistent state of the database, without writing.

        Raises TookTooLong after READ_SECONDS.
        """
        ...

    async def read_at_length(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Read as `read` does, however long it takes: for what a person waits for, and can end."""
        ...

    async def write_at_length(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Write as `write` does, however long it takes; others may have to wait with their writes,
        and those of some databases give up."""
        ...

    async def read_apart(self, operation: Callable[[Transaction], ResultT]) -> ResultT:
        """Read as `read` does, without waiting for what others read; for short operations alone."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Subscribe to what is changed from the moment this is entered. What was a moment before
        may be told too, and what is equal at about the same time as one."""
        ...

    async def erase_deleted(self) -> bool:
        """Have the database's files hold nothing any more of what was deleted or replaced; tell
        whether they do. What is read meanwhile waits for nothing, what is written waits for it."""
        ...

    async def check_ready(self) -> None:
        """Try what a write needs, without writing. Raises BackendUnavailable when it would fail."""
        ...

    async def close(self) -> None:
        """Finish the writes that have begun and close every connection."""
        ...


def took_too_long() -> TookTooLong:
    """Return the error of an operation that read for too long."""
    return TookTooLong(
        f"It was given up after {READ_SECONDS:.0f} s; ask for less: fewer or longer words, one"
        " status, one stage."
    )


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def encode_json(value: Any) -> str | None:
    """Return a JSON value as it is stored, None for None."""
    return None if value is None else _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def decode_json(text: str | None) -> Any:
    """Return the JSON value that was stored, None for None."""
    return None if text is None else json.loads(text)


def placeholders(prefix: str, values: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the parameters of a list in SQL, ":x0, :x1", and the value of each."""
    named = {f"{prefix}{index}": value for index, value in enumerate(values)}
    return ", ".join(f":{name}" for name in named), named


def insert(tx: Transaction, table: str, row: Row) -> None:
    """Insert one row."""
    tx.execute(_insertion(table, *row), **row)


@lru_cache(maxsize=256)
def _insertion(table: str, *names: str) -> str:
    parameters = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({parameters})"
