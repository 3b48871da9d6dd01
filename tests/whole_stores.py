"""Stores that have some of everything."""

import random
from pathlib import Path

import apsw

from mcp_handoff.actors import Caller, bot
from mcp_handoff.receivers import SetReceiver
from mcp_handoff.sqlite.transaction import execute
from mcp_handoff.store.store_backend import StoreBackend
from tests import histories, requests
from tests.backends.writer_process import Acknowledgement, live
from tests.databases import open_database
from tests.faults.writes import CALLER, PREPARED, Desk

TEXT = 'Zürich \u2028 "quoted" \\ 💥 \U0010fffd \x01 <b>\r\n\tend'
"""What has to come out as it went in."""

EVIDENCE: dict[str, object] = {
    "big": 2**63 - 1,
    "small": 5e-324,
    "third": 1 / 3,
    "whole": 1.0,
    "none": None,
    "": [[]],
}


class FileDesk(Desk):
    """One whose store is a file."""

    def execute(self, sql: str) -> None:
        file = apsw.Connection(self._url)
        file.set_busy_timeout(30_000)
        execute(file, f"PRAGMA foreign_keys = ON; {sql}")
        file.close()


async def fill(name: str | Path) -> None:
    """Do in an empty store everything that writes, some of it several times."""
    backend = StoreBackend(open_database(str(name)))
    desk = Desk if str(name).startswith("postgresql://") else FileDesk
    await histories.prepare(backend)
    await histories.take(backend, histories.History.of(3, 60).deliveries())
    for number in range(6):
        await live(backend, f"n{number}", _forget)
    for prepare in PREPARED.values():
        case = await prepare(desk(backend, str(name)))
        await case.call(backend)
    await _work(backend)
    await backend.set_receiver(CALLER, SetReceiver(url="https://ci.example/builds"))
    trigger = requests.trigger_bot_build(1, provider="ci", repo="acme/shop")
    await backend.trigger_bot_build(CALLER, trigger)
    await backend.queue_events()
    await backend.close()


async def _work(backend: StoreBackend) -> None:
    """Have tickets that wait for others, are taken, parked, given back and asked about."""
    dice = random.Random(7)
    last: str | None = None
    for number in range(8):
        request = requests.create_ticket(
            title=f"Quince {number}",
            description=TEXT,
            roles=["backend", "qa"],
            evidence=EVIDENCE,
            blocked_by=[last] if last and number % 3 else [],
            priority=dice.choice(("low", "medium", "high")),
            blocking=dice.random() < 0.5,
        )
        caller = Caller(bot(f"agent-{number % 3}"), project="quinces")
        last = (await backend.create_ticket(caller, request)).ticket.reference
        assert last is not None
        if number % 3 == 0:
            await backend.take_ticket(caller, requests.take_ticket("backend", ticket=last))
            question = requests.add_message(last, TEXT, to_role="design")
            await backend.add_message(caller, question)
        if number == 3:
            closed = {"close_as": "wont_fix", "note": "Not now."}
            await backend.update_ticket(caller, requests.update_ticket(last, **closed))


def _forget(_: Acknowledgement) -> None:
    pass
