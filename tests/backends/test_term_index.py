"""The newest tickets with a term, however many there are."""

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import IndexedTicket, Scope, Transaction
from tests import requests
from tests.databases import EVERY_DATABASE, open_database

NUMBERS = (1, 1_030, 40_000, 990_000, 999_000, 999_999)
"""Tickets of every size of block that PostgreSQL looks through."""


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_the_newest_come_first_and_none_is_missed_wherever_in_a_million_they_are(
    name: str, request: pytest.FixtureRequest, caller: Caller
) -> None:
    store = StoreBackend(open_database(str(request.getfixturevalue(name))))
    for number in NUMBERS:
        await store.create_ticket(caller, requests.create_ticket(title=f"Ticket {number}"))

    def index_anew(tx: Transaction) -> list[int]:
        rows = tx.fetch_all("SELECT seq, id, project_id FROM tickets ORDER BY seq")
        for row, number in reversed([*zip(rows, NUMBERS, strict=True)]):
            tx.execute("UPDATE tickets SET number = :n WHERE id = :id", n=number, id=row["id"])
            terms = ["all", "old" if number < 50_000 else "new", f"n{number}"]
            tx.index(IndexedTicket(row["id"], row["project_id"], "open", terms))
        return [row["seq"] for row in rows]

    seqs = await store.database.write(index_anew)
    newest_first = seqs[::-1]

    def look(tx: Transaction) -> None:
        row = tx.fetch_one("SELECT project_id FROM tickets")
        assert row is not None
        scope = Scope(row["project_id"], NUMBERS[-1], "any")
        lookups = [
            (("all",),),
            (("old",),),
            (("n1",), ("all",)),
            (("new",), ("old",)),
            (("ol*", "new"),),
            (("checkout",),),
        ]
        for most in range(1, len(NUMBERS) + 1):
            found = [newest_first, newest_first[3:], [seqs[0]], [], newest_first, []]
            expected = [whole[:most] for whole in found]
            assert tx.newest_with(scope, lookups, most) == expected
        closed = Scope(row["project_id"], NUMBERS[-1], "closed")
        assert tx.newest_with(closed, lookups, 9) == [[]] * len(lookups)

    await store.database.read(look)
    await store.close()
