"""A process whose input and output on a store fails, or ends it, at one call after another.

Called with a directory, the kind of fault, the first call to strike and how many there are from one
that is struck to the next. Each time a fresh store goes through a round: it is opened, written,
read and closed. Answers with the calls that were struck and what was wrong afterwards.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections import Counter
from itertools import count
from pathlib import Path
from typing import NoReturn

from mcp_handoff.errors import BackendUnavailable, HandoffError, Misconfigured, OutcomeUnknown
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from tests import requests
from tests.backends.invariants import assert_whole
from tests.backends.wording import assert_own_words
from tests.backends.writer_process import CALLER, Acknowledge, Acknowledgement, live

LIVES = ("third", "fifth")
"""One whose ticket gets a build and is closed, and one whose ticket is not closed."""

KEYED = {
    "create_ticket": "CreateTicket",
    "trigger_bot_build": "TriggerBotBuild",
    "suggest_close": "SuggestClose",
}
"""The operations of a life that take a key, as they are acknowledged and as they are kept."""

BEYOND = 10
"""After how many rounds without a fault the last call is taken to be behind: as one reads beside
another's write, not every round has as many."""

faults = ctypes.CDLL(None)
faults.call_struck.restype = ctypes.c_char_p


class Round:
    """What a store was asked for while something failed, and what it said."""

    def __init__(self, acknowledge: Acknowledge) -> None:
        self.acknowledged: list[Acknowledgement] = []
        self.refused: dict[str, HandoffError] = {}
        self._acknowledge = acknowledge

    async def run(self, store: Path, nth: int, *, deadly: bool) -> None:
        """Open the store, write, read and close it, with a fault at the nth call. After the fault
        the same server works."""
        faults.arm(nth, deadly)
        try:
            backend = StoreBackend(SqliteDatabase.open(store))
        except (Misconfigured, BackendUnavailable) as error:
            assert_own_words(error)
            return
        for word in LIVES:
            await self._live(backend, word)
        await self._read(backend)
        if faults.call_struck():
            await backend.check_ready()
            await live(backend, "afterwards", self._take)
            await backend.find_tickets(CALLER, requests.find_tickets())
        await backend.close()

    async def _live(self, backend: StoreBackend, word: str) -> None:
        try:
            await live(backend, word, self._take)
        except (BackendUnavailable, OutcomeUnknown) as error:
            assert_own_words(error)
            self.refused[word] = error

    async def _read(self, backend: StoreBackend) -> None:
        try:
            await backend.find_tickets(CALLER, requests.find_tickets(query="fault"))
        except BackendUnavailable as error:
            assert_own_words(error)

    def _take(self, acknowledgement: Acknowledgement) -> None:
        self.acknowledged.append(acknowledgement)
        self._acknowledge(acknowledgement)

    async def assert_true(self, store: Path) -> None:
        """Assert that what was acknowledged is done, what was refused is not, nothing by half."""
        await assert_whole(store, self.acknowledged)
        database = SqliteDatabase.open(store)
        await database.read(self._assert_refusals_are_true)
        await database.close()

    def _assert_refusals_are_true(self, tx: Transaction) -> None:
        for word, error in self.refused.items():
            if isinstance(error, BackendUnavailable):
                rows = tx.fetch_all("SELECT operation FROM idempotency WHERE key = :key", key=word)
                mine = [taken for taken in self.acknowledged if taken.get("word") == word]
                acknowledged = {KEYED.get(taken["operation"]) for taken in mine} - {None}
                assert {row["operation"] for row in rows} == acknowledged, word


def with_an_error(store: Path, nth: int) -> str:
    """Let the nth call fail, and look what became of the store; return which call it was."""
    asked = Round(lambda _: None)
    asyncio.run(asked.run(store, nth, deadly=False))
    faults.disarm()
    asyncio.run(asked.assert_true(store))
    return faults.call_struck().decode()


def with_an_error_beside_another(store: Path, nth: int) -> str:
    """The same while somebody else has the store open, who goes on."""

    async def beside() -> None:
        neighbour = StoreBackend(SqliteDatabase.open(store))
        asked = Round(lambda _: None)
        await asked.run(store, nth, deadly=False)
        faults.disarm()
        await asked.assert_true(store)
        await live(neighbour, "neighbour", asked.acknowledged.append)
        await neighbour.close()
        await asked.assert_true(store)

    asyncio.run(beside())
    return faults.call_struck().decode()


def with_an_end(store: Path, nth: int) -> str:
    """Let the nth call of a process be its last, and look what became of the store."""
    lines, told = os.pipe()
    child = os.fork()
    if child == 0:
        _end_at(store, nth, told)
    os.close(told)
    with os.fdopen(lines) as said:
        acknowledged: list[Acknowledgement] = [json.loads(line) for line in said]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    asyncio.run(assert_whole(store, acknowledged))
    return "killed" if status else ""


def _end_at(store: Path, nth: int, told: int) -> NoReturn:
    def say(acknowledgement: Acknowledgement) -> None:
        os.write(told, f"{json.dumps(acknowledgement)}\n".encode())

    status = 1
    try:
        asyncio.run(Round(say).run(store, nth, deadly=True))
        status = 0
    finally:
        os._exit(status)


KINDS = {
    "an error": with_an_error,
    "an error beside another": with_an_error_beside_another,
    "an end": with_an_end,
}


def main(home: Path, kind: str, first: int, step: int) -> None:
    struck, wrong, beyond = Counter[str](), list[str](), 0
    for nth in count(first, step):
        try:
            call = KINDS[kind](home / f"{nth}.db", nth)
        except (AssertionError, HandoffError) as error:
            call = faults.call_struck().decode()
            wrong.append(f"{nth} {call}: {error!r}")
        if call:
            struck[call] += 1
        beyond = 0 if call else beyond + 1
        if beyond == BEYOND:
            break
    print(json.dumps({"struck": struck, "wrong": wrong}))  # noqa: T201 - this is how it speaks


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
