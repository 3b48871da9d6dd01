"""A destination is sent as much as it bears, and one that is down is only probed."""

from contextlib import ExitStack

import anyio
import pytest

from mcp_handoff.dispatch import pace
from mcp_handoff.dispatch.pace import DOWN_AFTER, MOST_SENDERS, SENDERS, Pace


def room(paced: Pace) -> int:
    """Return how many may be sent at once."""
    with ExitStack() as sending:
        count = 0
        while not paced.is_busy:
            sending.enter_context(paced.sending())
            count += 1
        return count


async def test_one_more_is_sent_at_once_with_each_that_was_taken_up_to_a_bound() -> None:
    paced, seen = Pace("shop"), list[int]()
    for _ in range(MOST_SENDERS):
        seen.append(room(paced))
        paced.note(taken=True)
    assert seen[:2] == [SENDERS, SENDERS + 1]
    assert room(paced) == MOST_SENDERS


async def test_half_as_many_are_sent_at_once_after_one_that_was_not_taken_and_never_none() -> None:
    paced, seen = Pace("shop"), [SENDERS]
    for _ in range(DOWN_AFTER - 1):
        paced.note(taken=False)
        seen.append(room(paced))
    assert seen == [SENDERS, SENDERS // 2, *[1] * (DOWN_AFTER - 2)]


async def test_one_that_is_down_is_probed_by_one_at_a_time_after_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "PROBE_SECONDS", 0.05)
    paced = Pace("shop")
    for _ in range(DOWN_AFTER):
        paced.note(taken=False)
    for _ in range(2):
        assert paced.is_busy
        assert 0 < paced.rest <= 0.05
        await anyio.sleep(paced.rest)
        assert room(paced) == 1
        paced.note(taken=False)


async def test_one_that_takes_something_again_is_no_longer_down() -> None:
    paced = Pace("shop")
    for _ in range(DOWN_AFTER):
        paced.note(taken=False)
    assert paced.is_down
    paced.note(taken=True)
    assert not paced.is_down
