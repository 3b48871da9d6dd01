"""Replicas that are killed, cut off and told the wrong time stay one desk that loses nothing."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tests.backends.invariants import assert_whole
from tests.faults.desk_clients import Clients
from tests.faults.histories import Decision, History, Kept, contradictions
from tests.faults.linearizability import Operation
from tests.faults.postgres_proxy import PostgresProxy
from tests.faults.replicas import Replica
from tests.http.served import make_project, make_token
from tests.proofs import WIDE, seeds

pytestmark = pytest.mark.proof

SECONDS = 12
"""How long faults come; a start takes many times as long on a machine that is busy."""

BOUND = 20 * SECONDS
TELLERS, USERS, REGISTERS = 3, 4, 3
CLOCKS = [timedelta(hours=-2), timedelta(), timedelta(hours=1)]
"""What a clock is wrong by: two that differ in it differ by more than an equal create is known."""


@pytest.mark.timeout(BOUND + 60)
@pytest.mark.parametrize("seed", seeds(4 if WIDE else 1))
async def test_a_history_with_kills_cuts_and_clock_jumps_is_that_of_one_desk_that_lost_nothing(
    postgres: str, tmp_path: Path, seed: int
) -> None:
    token, dice = make_token(postgres, "root", "admin"), random.Random(seed)
    make_project(postgres, "shop")
    async with asyncio.timeout(BOUND), AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(PostgresProxy.before(postgres))
        replicas = [
            await stack.enter_async_context(Replica.started(tmp_path / str(number), url, wrong_by))
            for number, (url, wrong_by) in enumerate(
                zip((postgres, proxy.url), dice.sample(CLOCKS, 2), strict=True)
            )
        ]
        clients = await stack.enter_async_context(Clients.of(replicas, token, dice))
        registers = [await clients.register() for _ in range(REGISTERS)]
        async with asyncio.TaskGroup() as tasks:
            for _ in range(TELLERS):
                tasks.create_task(clients.tell_stories())
            for _ in range(USERS):
                tasks.create_task(clients.use(registers))
            await break_things(clients, replicas, proxy, dice)
            clients.ended = True
        left = await clients.kept()
    assert contradictions(clients.history, left) == []
    await assert_whole(postgres)


async def break_things(
    clients: Clients, replicas: list[Replica], proxy: PostgresProxy, dice: random.Random
) -> None:
    """Let every kind of fault come again and again until the time is over, each after some answers;
    one replica is always up."""
    until = time.monotonic() + SECONDS

    async def kill() -> None:
        replica = dice.choice(replicas)
        await replica.kill()
        await replica.start()

    async def cut() -> None:
        proxy.cut_all()

    async def jump() -> None:
        dice.choice(replicas).set_clock(dice.choice(CLOCKS))

    async def again_and_again(fault: Callable[[], Awaitable[None]]) -> None:
        while time.monotonic() < until:
            await clients.answered(dice.randint(1, 200))
            await fault()

    async with asyncio.TaskGroup() as faults:
        for fault in (kill, cut, jump):
            faults.create_task(again_and_again(fault))
    await clients.answered(100)


DECISIONS = [
    Decision("execute", "word 1", "done"),
    Decision("decline", "word 2", "refused", "executed"),
    Decision("decline", "word 3", "unknown"),
    Decision("decline", "word 4", "undone"),
]


def told() -> History:
    """Return a history of one ticket that was built and closed."""
    history = History()
    history.tickets["word 0"] = {"ticket"}
    history.builds["ticket"] = {"build"}
    history.suggestions["word 0"] = {"suggestion"}
    history.decisions["suggestion"] = [*DECISIONS]
    history.operations["build"] = [Operation("write", "word 5", 0, 1)]
    return history


def kept() -> Kept:
    """Return what it left."""
    return Kept(
        tickets=[("word 0", "ticket")],
        builds=[("ticket", "build")],
        suggestions=[("word 0", "suggestion")],
        numbers=[1],
        ends={"suggestion": ("executed", "word 1")},
    )


def decided_by(history: History, *decisions: Decision) -> None:
    history.decisions["suggestion"] = [*decisions]


LIES: Mapping[str, Callable[[History, Kept], object]] = {
    "an acknowledged create is lost": lambda _, kept: kept.tickets.clear(),
    "a key made two tickets": lambda _, kept: kept.tickets.append(("word 0", "another")),
    "two answers to one key differ": lambda told, _: told.tickets["word 0"].add("another"),
    "nobody asked for it": lambda _, kept: kept.suggestions.append(("word 9", "another")),
    "a number is missing": lambda _, kept: kept.numbers.append(3),
    "a number was given twice": lambda _, kept: kept.numbers.append(1),
    "a build is lost": lambda _, kept: kept.builds.clear(),
    "a suggestion is lost": lambda _, kept: kept.ends.clear(),
    "two have won": lambda told, _: decided_by(told, DECISIONS[0], DECISIONS[0]),
    "the other one has won": lambda _, kept: kept.ends.update(suggestion=("declined", "word 3")),
    "a decision is lost": lambda _, kept: kept.ends.update(suggestion=("pending", None)),
    "the one that won was told that it lost": lambda told, _: decided_by(
        told, Decision("execute", "word 1", "refused", "executed")
    ),
    "what was not done was done": lambda told, _: decided_by(
        told, Decision("execute", "word 1", "undone")
    ),
    "one lost to an end that did not come": lambda told, _: decided_by(
        told, DECISIONS[0], Decision("decline", "word 2", "refused", "declined")
    ),
    "a write is lost": lambda told, _: told.operations["build"].append(
        Operation("read", None, 2, 3)
    ),
}


def test_a_history_without_a_lie_has_no_contradiction() -> None:
    assert contradictions(told(), kept()) == []
    unknown = told()
    decided_by(unknown, DECISIONS[2], Decision("decline", "word 2", "refused", "declined"))
    left = kept()
    left.ends["suggestion"] = ("declined", "word 3")
    assert contradictions(unknown, left) == []


@pytest.mark.parametrize("lie", LIES)
def test_every_lie_in_a_history_is_found(lie: str) -> None:
    history, left = told(), kept()
    LIES[lie](history, left)
    assert contradictions(history, left) != []
