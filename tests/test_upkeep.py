"""What a store sees to now and then without being asked."""

from collections.abc import AsyncIterator

import anyio
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import Change
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.upkeep import upkeep
from tests import requests
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database

SECONDS = 30


async def test_what_expired_is_marked_when_upkeep_begins_and_every_so_often_after_it(
    backend: Store, caller: Caller, clock: SteppedClock
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    with anyio.fail_after(SECONDS):
        async with backend.changes() as changes:
            await suggest_and_let_expire(backend, caller, clock)
            async with upkeep(backend, every_seconds=0.001, keep_keys_days=30, build_timeout=0):
                for _ in range(2):
                    await expiry(changes)
                    await suggest_and_let_expire(backend, caller, clock)


async def test_upkeep_forgets_old_keys(backend: Store, caller: Caller, clock: SteppedClock) -> None:
    keyed = requests.create_ticket(idempotency_key="k")
    first = await backend.create_ticket(caller, keyed)
    clock.advance(days=3, seconds=1)
    with anyio.fail_after(SECONDS):
        async with upkeep(backend, every_seconds=0, keep_keys_days=3, build_timeout=0):
            while (await backend.create_ticket(caller, keyed)).ticket.id == first.ticket.id:
                pass


@pytest.mark.parametrize("name", EVERY_DATABASE)
async def test_keys_are_forgotten_when_their_days_are_over_and_no_earlier(
    name: str,
    clock: SteppedClock,
    caller: Caller,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mcp_handoff.store.idempotency.FORGOTTEN", 2)
    store = StoreBackend(open_database(str(request.getfixturevalue(name)), clock=clock))
    keyed = [requests.create_ticket(idempotency_key=f"k{number}") for number in range(5)]

    async def file_all() -> list[str]:
        return [(await store.create_ticket(caller, one)).ticket.id for one in keyed]

    first = await file_all()
    clock.advance(days=30)
    await store.forget_keys(30)
    assert await file_all() == first
    clock.advance(seconds=1)
    await store.forget_keys(30)
    assert not set(await file_all()) & set(first)
    await store.close()


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
        async with (
            backend.changes() as changes,
            upkeep(backend, 0, keep_keys_days=30, build_timeout=0),
        ):
            await expiry(changes)
    assert failures == []


async def test_upkeep_ends_with_what_it_accompanies(backend: Store) -> None:
    with anyio.fail_after(SECONDS):
        async with upkeep(backend, every_seconds=3600, keep_keys_days=30, build_timeout=0):
            pass


async def suggest_and_let_expire(backend: Store, caller: Caller, clock: SteppedClock) -> None:
    await backend.suggest_close(caller, requests.suggest_close(1))
    clock.advance(days=14)


async def expiry(changes: AsyncIterator[Change]) -> None:
    """Wait until a suggestion expires."""
    while (await anext(changes)).kind != "suggestion.expired":
        pass
