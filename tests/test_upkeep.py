"""What a store sees to now and then without being asked."""

from collections.abc import AsyncIterator

import anyio
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.upkeep import upkeep
from tests import requests
from tests.clock import SteppedClock

SECONDS = 30


async def test_what_expired_is_marked_when_upkeep_begins_and_every_so_often_after_it(
    backend: Store, caller: Caller, clock: SteppedClock
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    with anyio.fail_after(SECONDS):
        async with backend.changes() as changes:
            await suggest_and_let_expire(backend, caller, clock)
            async with upkeep(backend, every_seconds=0.001):
                for _ in range(2):
                    await expiry(changes)
                    await suggest_and_let_expire(backend, caller, clock)


async def test_upkeep_goes_on_after_the_store_failed(
    backend: Store, caller: Caller, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    await suggest_and_let_expire(backend, caller, clock)
    expire, failures = backend.expire_suggestions, [BackendUnavailable("Oh."), ValueError("defect")]

    async def fail_first() -> None:
        if failures:
            raise failures.pop()
        await expire()

    monkeypatch.setattr(backend, "expire_suggestions", fail_first)
    with anyio.fail_after(SECONDS):
        async with backend.changes() as changes, upkeep(backend, every_seconds=0):
            await expiry(changes)
    assert failures == []


async def test_upkeep_ends_with_what_it_accompanies(backend: Store) -> None:
    with anyio.fail_after(SECONDS):
        async with upkeep(backend, every_seconds=3600):
            pass


async def suggest_and_let_expire(backend: Store, caller: Caller, clock: SteppedClock) -> None:
    await backend.suggest_close(caller, requests.suggest_close(1))
    clock.advance(days=14)


async def expiry(changes: AsyncIterator[Change]) -> None:
    """Wait until a suggestion expires."""
    while (await anext(changes)).kind != "suggestion.expired":
        pass
