"""What happened, as a line in a channel of Slack.

https://docs.slack.dev/messaging/formatting-message-text
"""

from collections.abc import Mapping
from typing import Any

from mcp_handoff.events import ProjectEvent, WorkKind
from mcp_handoff.text import one_line, shortened
from mcp_handoff.webhooks import TEST

TITLE_LENGTH = 140
"""How much of a ticket's title is told."""

_HAPPENED: Mapping[WorkKind, str] = {
    "ticket.created": "filed by {who}",
    "ticket.taken": "taken by {who}",
    "ticket.updated": "changed by {who}",
    "ticket.closed": "closed by {who}",
    "ticket.reopened": "reopened by {who}",
    "ticket.unblocked": "no longer blocked",
    "ticket.deployed": "deployed",
    "ticket.deploy_failed": "its deployment failed",
    "message.added": "a message from {who}",
    "suggestion.created": "{who} suggests to close it",
    "suggestion.updated": "more is known of the suggestion to close it",
    "suggestion.executed": "{who} executed the suggestion to close it",
    "suggestion.declined": "{who} declined the suggestion to close it",
    "suggestion.skipped": "the suggestion to close it was skipped",
    "suggestion.expired": "the suggestion to close it expired",
    "build.created": "a build registered by {who}",
    "build.triggered": "a build triggered by {who}",
    "build.updated": "a build changed by {who}",
    "build.dispatched": "its build was handed over",
    "build.dispatch_failed": "its build could not be handed over",
    "build.running": "its build is running",
    "build.succeeded": "its build succeeded",
    "build.failed": "its build failed",
}


def line(message: Mapping[str, Any], address: str | None) -> str:
    """Return one line about a message to a webhook; the ticket's name leads to `address`."""
    if message["type"] == TEST:
        return "mcp-handoff reaches this channel."
    data = message["data"]
    event = ProjectEvent(kind=message["type"], created_at=message["timestamp"], **data)
    happened = _HAPPENED[message["type"]].format(who=event.author)
    if event.ticket is None:
        return _escaped(f"{event.subject_id}: {happened}")
    named = f"<{_escaped(address)}|{event.ticket}>" if address else event.ticket
    title = shortened(one_line(data["title"]), TITLE_LENGTH)
    return f"{named} {_escaped(title)}: {_escaped(happened)}"


def _escaped(text: str) -> str:
    """Return a text that is no markup: neither a link nor a call for everybody in the channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
