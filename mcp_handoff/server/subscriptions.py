"""Who is told when a resource changes: subscribers of both protocol eras."""

from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from mcp_handoff.builds import UpdatedBuild
from mcp_handoff.schema import Record
from mcp_handoff.suggestions import ActedSuggestion, SuggestedClose
from mcp_handoff.tickets import CreatedTicket, TriggeredBuild

OPEN_TICKETS = "handoff://tickets"


class Subscriptions:
    """Fans changes out to listen streams (2026-07-28) and to resources/subscribe (before it)."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self._sessions: dict[str, dict[int, ServerSession]] = {}

    async def subscribe(
        self, context: ServerRequestContext, params: SubscribeRequestParams
    ) -> EmptyResult:
        self._sessions.setdefault(params.uri, {})[_connection(context)] = context.session
        return EmptyResult()

    async def unsubscribe(
        self, context: ServerRequestContext, params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self._sessions.get(params.uri, {}).pop(_connection(context), None)
        return EmptyResult()

    async def announce(self, result: Record) -> None:
        """Tell every subscriber of what the call with this result changed."""
        for uri in changed_by(result):
            await self.bus.publish(ResourceUpdated(uri=uri))
            for session in list(self._sessions.get(uri, {}).values()):
                await session.send_resource_updated(uri)


def _connection(context: ServerRequestContext) -> int:
    """Tell connections apart: each keeps the one object that its client introduced itself with."""
    return id(context.session.client_params)


def changed_by(result: Record) -> list[str]:
    """Return the resources that the call with this result changed."""
    match result:
        case CreatedTicket(deduplicated=False, ticket=ticket):
            return [OPEN_TICKETS, *_tickets(ticket.id, ticket.reference)]
        case TriggeredBuild(ticket=ticket):
            run = ticket.ai_output["build_run"]
            return [*_tickets(ticket.id, ticket.reference), f"handoff://builds/{run['build_id']}"]
        case SuggestedClose(suggestion=suggestion):
            return _tickets(suggestion.ticket_id, suggestion.ticket_reference)
        case ActedSuggestion(suggestion=suggestion):
            return [OPEN_TICKETS, *_tickets(suggestion.ticket_id, suggestion.ticket_reference)]
        case UpdatedBuild(id=build_id):
            return [f"handoff://builds/{build_id}"]
        case _:
            return []


def _tickets(*names: str | None) -> list[str]:
    return [f"handoff://tickets/{name}" for name in names if name]
