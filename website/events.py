"""The page of the events: what history keeps, and what webhooks are told."""

from typing import get_args

from mcp_handoff.events import Event, EventKind, WorkKind
from mcp_handoff.principals import LOCAL
from website.examples import tell_story
from website.pages import code, put_together, shown, table

_BEGIN = """\
# Events

Every write leaves a line of history: who did what, when, and what was there before and after.
`get_ticket` shows a ticket's events, `GET /api/projects/{id}/events` a project's, and
[webhooks](../webhooks.md) are told of those that are about the work.
"""

_EXAMPLE = """\
## How one looks

This one was written when this page was built, by the call of `create_ticket` that the page of the
[tools](tools.md) shows.
"""


def page() -> str:
    """Return the page."""
    rows = [(f"`{kind}`", _happened(kind), _told(kind)) for kind in _kinds()]
    filed = next(event for event in tell_story().events if event.kind == "ticket.created")
    example = code(shown(filed.model_dump(mode="json")), "json")
    head = ("kind", "what happened", "webhooks")
    return put_together([_BEGIN, table(head, rows), _EXAMPLE, example])


def _kinds() -> tuple[EventKind, ...]:
    return get_args(EventKind)


def _happened(kind: EventKind) -> str:
    event = Event(
        kind=kind,
        actor_role="bot",
        actor_id="ana",
        source="mcp",
        principal_id=LOCAL.id,
        created_at="2026-11-02T09:30:00Z",
    )
    return event.happened.replace(event.author, "somebody")


def _told(kind: EventKind) -> str:
    return "yes" if kind in get_args(WorkKind) else ""
