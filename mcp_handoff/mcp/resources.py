"""Resources: tickets and builds under handoff:// addresses, with completion of their names."""

import json
from collections.abc import Sequence
from urllib.parse import unquote

from mcp_types import (
    Completion,
    CompletionArgument,
    PromptReference,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
)

from mcp_handoff.builds import Build, FindBuilds, GetBuild
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import NotFound
from mcp_handoff.mcp import prompts
from mcp_handoff.mcp.answers import NOTICE
from mcp_handoff.schema import Record
from mcp_handoff.text.characters import made_visible, shortened, visible
from mcp_handoff.tickets import FindTickets, GetTicket, TicketDetail
from mcp_handoff.validation import Arguments

JSON = "application/json"

OPEN_TICKETS = "handoff://tickets"
TICKET = "handoff://tickets/{ref}"
BUILD = "handoff://builds/{id}"

LISTED = (
    Resource(
        uri=OPEN_TICKETS,
        name="open_tickets",
        title="Open tickets",
        description="The newest open tickets.",
        mime_type=JSON,
    ),
)
TEMPLATES = (
    ResourceTemplate(
        uri_template=TICKET,
        name="ticket",
        title="Ticket",
        description="One ticket, whole.",
        mime_type=JSON,
    ),
    ResourceTemplate(
        uri_template=BUILD, name="build", title="Build", description="One build.", mime_type=JSON
    ),
)

_TICKET = TICKET.removesuffix("{ref}")
_BUILD = BUILD.removesuffix("{id}")
_OFFERED = 100
"""The most values that a completion may hold (completion/complete)."""


async def read(desk: Desk, visitor: Visitor, uri: str) -> str:
    """Return a resource as JSON. Raises ValidationFailed or NotFound for an address of nothing."""
    shown = made_visible(
        (await _found(desk, visitor, uri)).model_dump(mode="json", exclude_defaults=True)
    )
    return json.dumps({**shown, "notice": NOTICE}, ensure_ascii=False, separators=(",", ":"))


async def identify(desk: Desk, visitor: Visitor, uri: str) -> str:
    """Return what an address leads a visitor to, by whichever of its names: OPEN_TICKETS, or the
    id of a ticket or a build in small letters. Raises as `read` does."""
    match await _found(desk, visitor, uri):
        case TicketDetail(ticket=ticket):
            return ticket.id.lower()
        case Build(id=build_id):
            return build_id.lower()
        case _:
            return OPEN_TICKETS


async def complete(
    desk: Desk,
    visitor: Visitor,
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
) -> Completion:
    """Return the values that an argument can take and that begin as it was typed.

    Raises NotFound for the argument of a prompt or a template that there is not.
    """
    offered = await _offered(desk, visitor, ref, argument.name)
    typed = argument.value.lower()
    values = [value for value in offered if value.lower().startswith(typed)]
    return Completion(values=values[:_OFFERED], total=len(values))


async def _found(desk: Desk, visitor: Visitor, uri: str) -> Record:
    if uri == OPEN_TICKETS:
        return await desk.find_tickets(visitor, _open_tickets())
    if uri.startswith(_TICKET):
        name = unquote(uri.removeprefix(_TICKET))
        return await desk.get_ticket(visitor, Arguments(GetTicket, {"ticket": name}))
    if uri.startswith(_BUILD):
        build_id = unquote(uri.removeprefix(_BUILD))
        return await desk.get_build(visitor, Arguments(GetBuild, {"build_id": build_id}))
    why = f"There is no resource {shortened(visible(uri), 60)!r}"
    raise NotFound(f"{why}; there are {OPEN_TICKETS}, {TICKET} and {BUILD}.")


def _open_tickets() -> Arguments[FindTickets]:
    return Arguments(FindTickets, {"status": "open", "slim": True, "limit": _OFFERED})


async def _offered(
    desk: Desk,
    visitor: Visitor,
    ref: PromptReference | ResourceTemplateReference,
    argument: str,
) -> Sequence[str]:
    match ref:
        case PromptReference(name=name):
            return prompts.find(name).choices(argument)
        case ResourceTemplateReference(uri="handoff://tickets/{ref}") if argument == "ref":
            page = await desk.find_tickets(visitor, _open_tickets())
            return [ticket.name for ticket in page.tickets]
        case ResourceTemplateReference(uri="handoff://builds/{id}") if argument == "id":
            found = await desk.find_builds(visitor, Arguments(FindBuilds, {"limit": _OFFERED}))
            return [build.id for build in found.items]
        case ResourceTemplateReference(uri=uri):
            asked = f"{argument!r} of {uri!r}"
            why = f"There is no argument {shortened(visible(asked), 100)}"
            raise NotFound(f"{why}; there are ref of {TICKET} and id of {BUILD}.")
