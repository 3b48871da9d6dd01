"""A receiver is sent as much as it bears, and one that is down is only probed."""

from itertools import pairwise

import anyio
import pytest

from mcp_handoff import pace
from mcp_handoff.pace import DOWN_AFTER, MOST_SENDERS, SENDERS, Pace


async def test_one_more_is_sent_at_once_with_each_that_was_taken_up_to_a_bound() -> None:
    paced = Pace()
    for _ in range(MOST_SENDERS):
        paced.note(taken=True)
    assert paced.senders == MOST_SENDERS


async def test_half_as_many_are_sent_at_once_after_one_that_was_not_taken_and_never_none() -> None:
    paced, seen = Pace(), [SENDERS]
    for _ in range(DOWN_AFTER):
        paced.note(taken=False)
        seen.append(paced.senders)
    assert seen == [SENDERS, SENDERS // 2, *[1] * (DOWN_AFTER - 1)]


async def test_a_receiver_that_is_down_is_probed_by_one_at_a_time_after_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "PROBE_SECONDS", 0.05)
    paced, begun = Pace(), list[float]()
    for _ in range(DOWN_AFTER):
        paced.note(taken=False)

    async def probe() -> None:
        async with paced.turn():
            begun.append(anyio.current_time())
            paced.note(taken=False)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(probe)
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(begun))
    assert len(begun) == 3


async def test_a_receiver_that_takes_one_again_is_no_longer_down() -> None:
    paced = Pace()
    for _ in range(DOWN_AFTER):
        paced.note(taken=False)
    assert paced.is_down
    paced.note(taken=True)
    assert (paced.is_down, paced.senders) == (False, 2)
