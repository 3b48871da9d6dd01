"""Which tokens still hold, told for many at once."""

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.ids import new_id
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tokens import CreateToken, RevokeToken
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, open_database


@pytest.fixture(params=EVERY_DATABASE)
def database_name(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


async def test_of_many_tokens_those_hold_that_are_neither_revoked_nor_expired(
    database_name: str, caller: Caller, clock: SteppedClock
) -> None:
    store = StoreBackend(open_database(database_name, clock=clock))
    made = [
        await store.create_token(caller, CreateToken(name=name, role="bot", expires_days=days))
        for name, days in (("lasting", None), ("long", 2), ("short", 1), ("revoked", None))
    ]
    lasting, long, *_ = ids = [each.token.id for each in made]
    await store.revoke_token(caller, RevokeToken(token="revoked"))
    clock.advance(days=1)
    valid = await store.valid_tokens([*ids, new_id()])
    await store.close()
    assert valid == {lasting, long}
