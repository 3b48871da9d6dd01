"""What calls take as the store grows: the same calls on a small and on larger ones, in turn."""

import os
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.filling import filed_at, fill
from benchmarks.table import markdown, verdict
from benchmarks.turns import growth, shuffled, timing
from benchmarks.vocabulary import COMMONEST, Author
from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import CreateTicket, FindTickets, GetTicket

GROWTH_RATIO = 1.3
READ_SECONDS = 0.005
"""What a read takes at most in the largest store (p50)."""

TICKET_BYTES = 1_100
"""What a ticket takes in the largest store, with its share of the indexes."""

SEARCH_SECONDS, SLOWEST_SEARCH_SECONDS = 0.015, 0.15
"""The targets of a search: p50 and p99."""

_CALLER = Caller(bot("bench"), project="bench")


@dataclass(frozen=True, slots=True)
class Store:
    """A store that was filled with so many tickets."""

    size: int
    backend: Backend
    bytes: int


Kind = Callable[[Store, int], Awaitable[object]]
"""Makes the n-th call of a kind."""

Taken = list[list[float]]
"""The seconds that every call took, store by store."""


async def grow(sizes: Sequence[int], calls: int) -> str:
    """Fill stores of these sizes, measure them and return the table."""
    with TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            stores = [
                await stack.enter_async_context(_filled(Path(folder) / f"{size}.db", size))
                for size in sorted(sizes)
            ]
            rows = [
                _weighing(stores),
                _growing("create_ticket", await _measure(_create, stores, calls)),
                _reading("get_ticket", await _measure(_get, stores, calls)),
                *[
                    _reading(
                        f"find_tickets, {name}",
                        await _measure(partial(_list, filters), stores, calls),
                    )
                    for name, filters in _LISTS.items()
                ],
                *[
                    _searching(name, await _measure(partial(_search, words), stores, calls))
                    for name, words in _QUERIES.items()
                ],
            ]
    sizes_named = [f"{store.size:,} tickets" for store in stores]
    return markdown(["ms", *sizes_named, "largest ÷ smallest", "target", "met"], rows)


@asynccontextmanager
async def _filled(path: Path, size: int) -> AsyncGenerator[Store]:
    print(f"filling a store with {size:,} tickets", file=sys.stderr)
    await fill(path, _CALLER, size)
    size_on_disk = os.stat(path).st_size
    os.sync()  # or the first calls would pay for what the filling left to write
    backend = StoreBackend(SqliteDatabase.open(path))
    try:
        yield Store(size, backend, size_on_disk)
    finally:
        await backend.close()


async def _measure(kind: Kind, stores: Sequence[Store], calls: int) -> Taken:
    taken: Taken = [[] for _ in stores]
    for number in range(calls):
        for store, seconds in shuffled(list(zip(stores, taken, strict=True))):
            call = kind(store, number)
            begun = time.perf_counter()
            await call
            seconds.append(time.perf_counter() - begun)
    return taken


def _create(store: Store, number: int) -> Awaitable[object]:
    author = Author(-number)
    request = CreateTicket(
        title=author.title(), description=author.description(), request_type="bug", roles=["qa"]
    )
    return store.backend.create_ticket(_CALLER, request)


def _get(store: Store, number: int) -> Awaitable[object]:
    ticket = Random(number).randint(1, store.size)
    return store.backend.get_ticket(_CALLER, GetTicket(ticket=f"HO-{ticket}-{_CALLER.project}"))


_LISTS: Mapping[str, Mapping[str, Any]] = {
    "20 open": {},
    "the most urgent": {"order": "urgency"},
    "blocking, of an author": {"blocking": True, "author": "agent-1"},
    "of a role, high": {"role": "qa", "priority": "high"},
    "of an author and a role": {"author": "agent-1", "role": "qa"},
    "changed lately, of a role": {"updated_since": 500, "role": "qa"},
    "changed lately, of an author": {"updated_since": 100_000, "author": "agent-1"},
    "of nobody": {"author": "nobody", "priority": "high", "role": "qa"},
    "of a stage that none is in": {"stage": ["up_next"], "role": "qa"},
}
"""By what lists are chosen; `updated_since` is so many tickets before the last."""


def _list(filters: Mapping[str, Any], store: Store, _: int) -> Awaitable[object]:
    chosen = dict(filters)
    if "updated_since" in chosen:
        chosen["updated_since"] = filed_at(store.size - chosen["updated_since"])
    request = FindTickets(status="open", slim=True, limit=20, **chosen)
    return store.backend.find_tickets(_CALLER, request)


_QUERIES: dict[str, Callable[[Author], str]] = {
    "two words": lambda author: author.words(2),
    "five words": lambda author: author.words(5),
    "two words and the commonest": lambda author: f"{author.words(2)} {COMMONEST}",
    "the commonest word": lambda _: COMMONEST,
    "a word and one letter*": lambda author: f"{author.words(1)} {author.words(1)[:1]}*",
    "a word and two letters*": lambda author: f"{author.words(1)} {author.words(1)[:2]}*",
}
"""What is searched for, by its name in the table."""


def _search(words: Callable[[Author], str], store: Store, number: int) -> Awaitable[object]:
    return _list({"query": words(Author(number))}, store, number)


def _weighing(stores: Sequence[Store]) -> list[str]:
    each = [store.bytes / store.size for store in stores]
    cells = [f"{one:,.0f} bytes" for one in each]
    met = verdict(each[-1] <= TICKET_BYTES)
    return ["a ticket", *cells, f"{each[-1] / each[0]:.2f} ×", f"≤ {TICKET_BYTES:,} bytes", met]


def _growing(name: str, taken: Taken) -> list[str]:
    met = verdict(growth(taken[0], taken[-1]) <= GROWTH_RATIO)
    return [name, *_cells(taken), f"≤ {GROWTH_RATIO} ×", met]


def _reading(name: str, taken: Taken) -> list[str]:
    is_even = growth(taken[0], taken[-1]) <= GROWTH_RATIO
    met = verdict(is_even and timing(taken[-1]).p50 < READ_SECONDS)
    return [name, *_cells(taken), f"≤ {GROWTH_RATIO} ×, < {READ_SECONDS * 1000:.0f} ms", met]


def _searching(words: str, taken: Taken) -> list[str]:
    largest = timing(taken[-1])
    met = verdict(largest.p50 < SEARCH_SECONDS and largest.p99 < SLOWEST_SEARCH_SECONDS)
    name = f"find_tickets, {words}"
    target = f"< {SEARCH_SECONDS * 1000:.0f} ms (< {SLOWEST_SEARCH_SECONDS * 1000:.0f} ms)"
    return [name, *_cells(taken), target, met]


def _cells(taken: Taken) -> list[str]:
    times = [str(timing(seconds)) for seconds in taken]
    return [*times, f"{growth(taken[0], taken[-1]):.2f} ×"]
