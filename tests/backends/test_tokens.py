"""Which tokens still hold, and which of their secrets."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.ids import new_id
from mcp_handoff.principals import Principal
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tokens import CreateToken, RevokeToken, RotateToken, Session
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
async def store(database_name: str, clock: SteppedClock) -> AsyncIterator[StoreBackend]:
    opened = StoreBackend(open_database(database_name, clock=clock))
    yield opened
    await opened.close()


async def let_in(store: StoreBackend, *secrets: str) -> list[bool]:
    """Tell which of these secrets let somebody in."""
    return [await store.authenticate(secret) is not None for secret in secrets]


async def principal_of(store: StoreBackend, secret: str) -> Principal:
    """Return whom a secret that works belongs to."""
    principal = await store.authenticate(secret)
    assert principal is not None
    return principal


async def test_of_many_tokens_those_hold_that_are_neither_revoked_nor_expired(
    store: StoreBackend, caller: Caller, clock: SteppedClock
) -> None:
    made = [
        await store.create_token(caller, CreateToken(name=name, role="bot", expires_days=days))
        for name, days in (("lasting", None), ("long", 2), ("short", 1), ("revoked", None))
    ]
    lasting, long, *_ = principals = [await principal_of(store, each.secret) for each in made]
    await store.revoke_token(caller, RevokeToken(token="revoked"))
    clock.advance(days=1)
    unknown = replace(lasting, id=new_id())
    assert await store.still_let_in([*principals, unknown]) == {lasting, long}


async def test_of_many_secrets_those_hold_that_were_not_rotated_away(
    store: StoreBackend, caller: Caller, clock: SteppedClock
) -> None:
    made = await store.create_token(caller, CreateToken(name="ci", role="bot"))
    first = await principal_of(store, made.secret)
    rotated = await store.rotate_token(caller, RotateToken(token="ci", grace_minutes=10))
    second = await principal_of(store, rotated.secret)
    assert await store.still_let_in([first, second]) == {first, second}
    clock.advance(minutes=10)
    assert await store.still_let_in([first, second]) == {second}
    await store.rotate_token(caller, RotateToken(token="ci"))
    assert await store.still_let_in([first, second]) == frozenset()


async def test_a_secret_that_is_rotated_ends_at_once(store: StoreBackend, caller: Caller) -> None:
    made = await store.create_token(caller, CreateToken(name="ci", role="bot"))
    rotated = await store.rotate_token(caller, RotateToken(token="ci"))
    assert await let_in(store, made.secret, rotated.secret) == [False, True]
    assert rotated.token.old_secret_until is None


async def test_in_its_grace_an_old_secret_works_with_the_sessions_that_began_with_it(
    store: StoreBackend, caller: Caller, clock: SteppedClock
) -> None:
    made = await store.create_token(caller, CreateToken(name="ada", role="user"))
    session = str(Session.begin(made.secret, clock()))
    rotated = await store.rotate_token(caller, RotateToken(token="ada", grace_minutes=10))
    assert rotated.token.old_secret_until == "2026-11-02T09:40:00.000Z"
    clock.advance(minutes=10, milliseconds=-1)
    assert await let_in(store, made.secret, rotated.secret) == [True, True]
    assert await store.authenticate_session(session)
    clock.advance(milliseconds=1)
    assert await let_in(store, made.secret, rotated.secret) == [False, True]
    assert await store.authenticate_session(session) is None


async def test_of_two_rotations_the_grace_is_that_of_the_last(
    store: StoreBackend, caller: Caller
) -> None:
    made = await store.create_token(caller, CreateToken(name="ci", role="bot"))
    second = await store.rotate_token(caller, RotateToken(token="ci", grace_minutes=10))
    third = await store.rotate_token(caller, RotateToken(token="ci", grace_minutes=10))
    assert await let_in(store, made.secret, second.secret, third.secret) == [False, True, True]
    fourth = await store.rotate_token(caller, RotateToken(token="ci"))
    assert await let_in(store, third.secret, fourth.secret) == [False, True]


async def test_to_revoke_a_token_ends_both_its_secrets(store: StoreBackend, caller: Caller) -> None:
    made = await store.create_token(caller, CreateToken(name="ci", role="bot"))
    rotated = await store.rotate_token(caller, RotateToken(token="ci", grace_minutes=1440))
    await store.revoke_token(caller, RevokeToken(token="ci"))
    assert await let_in(store, made.secret, rotated.secret) == [False, False]


async def test_a_grace_prolongs_no_token(
    store: StoreBackend, caller: Caller, clock: SteppedClock
) -> None:
    made = await store.create_token(caller, CreateToken(name="ci", role="bot", expires_days=1))
    clock.advance(days=1, minutes=-1)
    rotated = await store.rotate_token(caller, RotateToken(token="ci", grace_minutes=60))
    clock.advance(minutes=1)
    assert await let_in(store, made.secret, rotated.secret) == [False, False]
