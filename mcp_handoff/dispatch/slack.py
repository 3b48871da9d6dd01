"""What happened, as a line in a channel of Slack.

https://docs.slack.dev/messaging/formatting-message-text
"""

from collections.abc import Mapping
from typing import Any

from mcp_handoff.events import ProjectEvent
from mcp_handoff.text.characters import one_line, shortened
from mcp_handoff.webhooks import TEST

TITLE_LENGTH = 140
"""How much of a ticket's title is told."""


def line(message: Mapping[str, Any], address: str | None) -> str:
    """Return one line about a message to a webhook; the ticket's name leads to `address`."""
    if message["type"] == TEST:
        return "mcp-handoff reaches this channel."
    data = message["data"]
    event = ProjectEvent(kind=message["type"], created_at=message["timestamp"], **data)
    happened = event.happened
    if event.ticket is None:
        return _escaped(f"{event.subject_id}: {happened}")
    named = f"<{_escaped(address)}|{event.ticket}>" if address else event.ticket
    title = shortened(one_line(data["title"]), TITLE_LENGTH)
    return f"{named} {_escaped(title)}: {_escaped(happened)}"


def _escaped(text: str) -> str:
    """Return a text that is no markup: neither a link nor a call for everybody in the channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
