"""Resources: tickets and builds under handoff:// addresses, with completion of their names."""

import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from mcp.server.mcpserver import Context
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from mcp_handoff.actors import BOT
from mcp_handoff.builds import FindBuilds, GetBuild
from mcp_handoff.errors import HandoffError
from mcp_handoff.schema import Record, Request
from mcp_handoff.server.answers import UNTRUSTED
from mcp_handoff.server.boundary import protocol_error
from mcp_handoff.server.prompts import choices
from mcp_handoff.server.subscriptions import OPEN_TICKETS
from mcp_handoff.text import made_visible
from mcp_handoff.tickets import FindTickets, GetTicket
from mcp_handoff.validation import parse

if TYPE_CHECKING:
    from mcp_handoff.server.app import HandoffServer

TICKET = "handoff://tickets/{ref}"
BUILD = "handoff://builds/{id}"

_JSON = "application/json"
_OFFERED = 100
"""The most values that a completion may hold (completion/complete)."""

RequestT = TypeVar("RequestT", bound=Request)


def register(server: "HandoffServer") -> None:
    """Offer the resources and the completions of `server`."""

    @server.resource(
        OPEN_TICKETS, title="Open tickets", description="The newest open tickets.", mime_type=_JSON
    )
    async def open_tickets() -> str:  # pyright: ignore[reportUnusedFunction] - the decorator keeps it
        request = FindTickets(limit=_OFFERED)
        return await _read(server.backend.find_tickets(server.caller(), request))

    @server.resource(TICKET, title="Ticket", description="One ticket, whole.", mime_type=_JSON)
    async def ticket(ref: str, context: Context[Any, Any]) -> str:  # pyright: ignore[reportUnusedFunction]
        request = _request(GetTicket, ticket=ref)
        return await _read(server.backend.get_ticket(server.caller(context), request))

    @server.resource(BUILD, title="Build", description="One build.", mime_type=_JSON)
    async def build(id: str, context: Context[Any, Any]) -> str:  # noqa: A002  # pyright: ignore[reportUnusedFunction]
        request = _request(GetBuild, build_id=id)
        return await _read(server.backend.get_build(server.caller(context), request))

    @server.completion()
    async def complete(  # pyright: ignore[reportUnusedFunction]
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        offered = await _offered(server, ref, argument.name)
        typed = argument.value.lower()
        values = [value for value in offered if value.lower().startswith(typed)]
        return Completion(values=values[:_OFFERED], total=len(values))


async def _offered(
    server: "HandoffServer", ref: PromptReference | ResourceTemplateReference, argument: str
) -> list[str]:
    caller = server.caller()
    match ref:
        case PromptReference(name=name):
            return choices(name, argument)
        case ResourceTemplateReference(uri="handoff://tickets/{ref}") if argument == "ref":
            page = await server.backend.find_tickets(caller, FindTickets(limit=_OFFERED))
            return [ticket.reference for ticket in page.tickets]
        case ResourceTemplateReference(uri="handoff://builds/{id}") if argument == "id":
            found = await server.backend.find_builds(caller, FindBuilds(limit=_OFFERED))
            return [build.id for build in found.items]
        case _:
            return []


def _request(model: type[RequestT], **arguments: str) -> RequestT:
    try:
        return parse(model, arguments, BOT)
    except HandoffError as error:
        raise protocol_error(error) from None


async def _read(reading: Awaitable[Record]) -> str:
    try:
        result = await reading
    except HandoffError as error:
        raise protocol_error(error) from None
    shown = made_visible(result.model_dump(mode="json", exclude_defaults=True))
    return json.dumps({**shown, "notice": UNTRUSTED}, ensure_ascii=False, separators=(",", ":"))
