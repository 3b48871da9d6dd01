"""What events are about, and how a history goes on."""

from typing import get_args

from mcp_handoff.events import EventKind, EventTopic, ListEvents, kinds_of
from mcp_handoff.store import cursors


def test_every_event_of_a_project_has_a_topic() -> None:
    of_topics = {kind for topic in get_args(EventTopic) for kind in kinds_of(topic)}
    others = {kind for kind in get_args(EventKind) if kind not in of_topics}
    assert others == {"token.created", "token.rotated", "token.revoked", "receiver.set"}


def test_a_cursor_leads_on_that_was_given_before_events_could_be_chosen() -> None:
    assert cursors.encode(5, ListEvents(), "p") == "CfyydPPtNQ"
    assert cursors.encode(5, ListEvents(newest_first=True), "p") != "CfyydPPtNQ"
