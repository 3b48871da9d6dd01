"""Who hears of what is published, and when."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mcp_handoff.changes import BACKLOG, ChangeFeed, Following
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.events import EVERYTHING, Change


class Source:
    """Changes that can be followed unless it is `down`, as soon as it lets in whoever `asked`, and
    how often they are right now."""

    def __init__(self) -> None:
        self.feed = ChangeFeed()
        self.down = False
        self.followers = 0
        self.asked = asyncio.Event()
        self.lets_in = asyncio.Event()
        self.lets_in.set()
        self.ended = asyncio.Event()

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[Change]]:
        self.asked.set()
        await self.lets_in.wait()
        if self.down:
            raise BackendUnavailable("It is down.")
        self.followers += 1
        self.ended.clear()
        try:
            async with self.feed.subscribe() as changes:
                yield changes
        finally:
            self.followers -= 1
            self.ended.set()


class Hearer:
    """What following calls: it notes what it hears, and fails where it hears `fails_at`."""

    def __init__(self, fails_at: Change | None = None) -> None:
        self.heard = asyncio.Queue[Change]()
        self.lost = asyncio.Event()
        self._fails_at = fails_at

    def hear(self, change: Change) -> None:
        if change == self._fails_at:
            raise AssertionError(change)
        self.heard.put_nowait(change)


async def test_a_subscriber_that_falls_behind_is_told_that_anything_may_have_changed() -> None:
    feed = ChangeFeed()
    async with feed.subscribe() as changes:
        feed.publish([Change("build.updated", build_id=str(number)) for number in range(BACKLOG)])
        feed.publish([Change("project.created"), Change("ticket.created")])
        assert [await anext(changes), await anext(changes)] == [
            EVERYTHING,
            Change("ticket.created"),
        ]


async def test_all_subscribers_are_told_that_changes_were_missed() -> None:
    feed = ChangeFeed()
    async with feed.subscribe() as one, feed.subscribe() as other:
        feed.publish_everything()
        assert await anext(one) == await anext(other) == EVERYTHING


async def test_changes_are_followed_once_for_all_listeners_and_for_none_not_at_all() -> None:
    source, hearer = Source(), Hearer()
    following = Following(source.changes, hearer.hear, hearer.lost.set)
    assert source.followers == 0
    await asyncio.gather(*(following.join(name) for name in ("ada", "eve", "ada")))
    source.feed.publish_everything()
    assert await hearer.heard.get() == EVERYTHING
    assert (source.followers, hearer.heard.qsize()) == (1, 0)
    following.leave("ada")
    source.feed.publish_everything()
    assert await hearer.heard.get() == EVERYTHING
    following.leave("eve")
    following.leave("eve")
    await source.ended.wait()
    assert source.followers == 0
    await following.join("ada")
    assert source.followers == 1
    following.leave("ada")
    await source.ended.wait()
    assert not hearer.lost.is_set()


async def test_who_joins_while_the_last_one_leaves_hears() -> None:
    source, hearer = Source(), Hearer()
    following = Following(source.changes, hearer.hear, hearer.lost.set)
    await following.join("ada")
    following.leave("ada")
    await following.join("eve")
    source.feed.publish_everything()
    assert await hearer.heard.get() == EVERYTHING
    following.leave("eve")


async def test_who_gives_up_joining_or_leaves_meanwhile_takes_nobody_along() -> None:
    source, hearer = Source(), Hearer()
    source.lets_in.clear()
    following = Following(source.changes, hearer.hear, hearer.lost.set)
    given_up, joining = (asyncio.create_task(following.join("ada")) for _ in range(2))
    await source.asked.wait()
    given_up.cancel()
    await asyncio.wait([given_up])
    assert given_up.cancelled()
    assert not joining.done()
    following.leave("ada")
    await asyncio.wait([joining])
    assert not joining.cancelled()
    assert source.followers == 0


async def test_what_keeps_changes_from_being_followed_is_told_to_all_who_join_until_it_passes() -> (
    None
):
    source, hearer = Source(), Hearer()
    following = Following(source.changes, hearer.hear, hearer.lost.set)
    source.down = True
    joining = (following.join("ada"), following.join("eve"))
    refused = await asyncio.gather(*joining, return_exceptions=True)
    assert [type(error) for error in refused] == [BackendUnavailable] * 2
    following.leave("eve")
    source.down = False
    await following.join("ada")
    assert source.followers == 1
    following.leave("ada")


async def test_listeners_are_told_when_changes_are_followed_no_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source, hearer = Source(), Hearer(fails_at=EVERYTHING)
    following = Following(source.changes, hearer.hear, hearer.lost.set)
    await following.join("ada")
    source.feed.publish_everything()
    await hearer.lost.wait()
    assert "can't be followed any longer" in caplog.text
    await following.join("eve")
    source.feed.publish([Change("ticket.created")])
    assert await hearer.heard.get() == Change("ticket.created")
    following.leave("ada")
    following.leave("eve")
