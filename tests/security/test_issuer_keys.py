"""The keys of an OAuth issuer: what strangers, and an issuer that fails, cost who has a token."""

import json
from collections.abc import Iterator

import anyio
import pytest
from anyio.lowlevel import checkpoint

from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.http import issuer_documents, oauth
from tests.http.issuer import Issuer
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

AUDIENCE = "https://desk.example/mcp"
KEYS = "/realm/keys"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture
def trusted(issuer: Issuer) -> oauth.Issuer:
    """The issuer as a server sees it."""
    return oauth.Issuer(issuer.url, AUDIENCE)


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_documents, "PAUSE_SECONDS", 0)


def of_a_stranger(issuer: Issuer) -> str:
    """Return a token that names a key which the issuer does not have."""
    return issuer.token(AUDIENCE, head={"kid": "unknown"})


async def holds(trusted: oauth.Issuer, token: str) -> bool:
    principal = await trusted.authenticate(token)
    return principal is not None


@pytest.mark.usefixtures("no_pause")
async def test_nobody_whose_key_is_known_waits_for_a_strangers(
    issuer: Issuer, trusted: oauth.Issuer
) -> None:
    token = issuer.token(AUDIENCE)
    assert await holds(trusted, token)
    fetched = len(issuer.requests)
    answered: list[bool] = []

    async def ask() -> None:
        answered.append(await holds(trusted, of_a_stranger(issuer)))

    async with anyio.create_task_group() as strangers:
        with issuer.hold():
            for _ in range(20):
                strangers.start_soon(ask)
            with anyio.fail_after(TIMEOUT):
                while len(issuer.requests) == fetched:
                    await checkpoint()
            assert await holds(trusted, token)
            assert answered == []
    assert answered == [False] * 20


async def test_strangers_cost_one_fetch_before_the_pause(
    issuer: Issuer, trusted: oauth.Issuer
) -> None:
    async with anyio.create_task_group() as strangers:
        for _ in range(20):
            strangers.start_soon(holds, trusted, of_a_stranger(issuer))
    assert not await holds(trusted, of_a_stranger(issuer))
    assert await holds(trusted, issuer.token(AUDIENCE))
    assert issuer.requests.count(KEYS) == 1


@pytest.mark.usefixtures("no_pause")
async def test_a_key_that_the_issuer_adds_is_found(issuer: Issuer, trusted: oauth.Issuer) -> None:
    old = issuer.token(AUDIENCE)
    assert await holds(trusted, old)
    issuer.rotate()
    assert await holds(trusted, issuer.token(AUDIENCE))
    assert await holds(trusted, old)


@pytest.mark.usefixtures("no_pause")
async def test_old_keys_hold_while_the_issuer_hangs_and_when_it_is_away(
    issuer: Issuer, trusted: oauth.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_documents, "FRESH_SECONDS", 0)
    token = issuer.token(AUDIENCE)
    assert await holds(trusted, token)
    with issuer.hold():
        assert await holds(trusted, token)
    issuer.stop()
    with pytest.raises(BackendUnavailable):
        await trusted.authenticate(of_a_stranger(issuer))
    assert await holds(trusted, token)


async def test_an_issuer_that_hangs_keeps_nobody_beyond_the_deadline(
    issuer: Issuer, trusted: oauth.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_documents, "FETCH_SECONDS", 1)
    with issuer.hold(), anyio.fail_after(TIMEOUT):
        for _ in range(2):
            with pytest.raises(BackendUnavailable):
                await trusted.authenticate(issuer.token(AUDIENCE))
    assert len(issuer.requests) <= 1


@pytest.mark.parametrize(
    "published",
    [
        b"[" * 100_000,
        b'{"keys":' + b"[" * 100_000,
        b"[]",
        b'{"keys": 7}',
        b'{"keys": {"kid": "0"}}',
        b'{"keys": [7, null, "0"]}',
        b'{"keys": [{"kty": "EC", "kid": ["0"]}]}',
        b'{"keys": [{"kty": ["EC"], "kid": "0"}]}',
        b'{"keys": [{"kty": "EC", "kid": "0", "alg": {}}]}',
        b'{"keys": [{"kty": "RSA", "kid": "0", "n": 7, "e": []}]}',
        b"\xff",
        b"",
    ],
    ids=lambda published: published[:40].decode(errors="replace"),
)
async def test_after_keys_that_make_no_sense_there_is_a_pause_too(
    issuer: Issuer, trusted: oauth.Issuer, published: bytes
) -> None:
    issuer.published = published
    for _ in range(2):
        with pytest.raises(BackendUnavailable):
            await trusted.authenticate(issuer.token(AUDIENCE))
    assert issuer.requests.count(KEYS) == 1


async def test_one_odd_key_spoils_no_other(issuer: Issuer, trusted: oauth.Issuer) -> None:
    odd: list[object] = [7, {"kty": "EC", "kid": ["0"]}, {"kty": "EC", "kid": "1", "alg": {}}]
    issuer.published = json.dumps({"keys": [*odd, *issuer.keys()]}).encode()
    assert await holds(trusted, issuer.token(AUDIENCE))
