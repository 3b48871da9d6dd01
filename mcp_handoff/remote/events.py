"""Events over an API."""

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound, Unsupported
from mcp_handoff.events import EventPage, ListEvents
from mcp_handoff.remote.api import Api
from mcp_handoff.remote.paths import events_path
from mcp_handoff.remote.responses import parse_response
from mcp_handoff.remote.tickets import project_of


async def list_events(api: Api, caller: Caller, request: ListEvents) -> EventPage:
    """Follow a project's history. Raises Unsupported where the API tells none, and for what only
    another mcp-handoff chooses events by."""
    filters = {
        "newest_first": 1 if request.newest_first else None,
        "ticket": request.ticket,
        "topic": request.topic,
        "author": request.author,
    }
    for name, value in filters.items():
        if value is not None:
            await api.tickets.require_ours(name)
    query = {"limit": request.limit, "cursor": request.cursor, **filters}
    path = events_path(project_of(request, caller))
    try:
        response = await api.tickets.send("GET", path, query=query)
    except (NotFound, Unsupported):
        if api.tickets.is_ours:
            raise
        raise Unsupported(
            f"The API at {api.tickets.address} tells no project's history (GET …/events)."
        ) from None
    return parse_response(EventPage, response, wrote=False)
