"""Who hears of what is published, and when."""

from mcp_handoff.changes import BACKLOG, ChangeFeed
from mcp_handoff.events import EVERYTHING, Change


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
