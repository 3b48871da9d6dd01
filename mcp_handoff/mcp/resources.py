"""Resources: tickets and builds under handoff:// addresses, with completion of their names."""

import json
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import unquote

from mcp_types import (
    Completion,
    CompletionArgument,
    PromptReference,
    Resource,
    ResourceTemplate,
    ResourceTemplateReference,
)

from mcp_handoff.actors import BOT, Caller
from mcp_handoff.backend import Backend
from mcp_handoff.builds import FindBuilds, GetBuild
from mcp_handoff.errors import NotFound
from mcp_handoff.mcp.answers import UNTRUSTED
from mcp_handoff.mcp.prompts import choices
from mcp_handoff.schema import Record, Request
from mcp_handoff.text import made_visible, shortened, visible
from mcp_handoff.tickets import FindTickets, GetTicket
from mcp_handoff.validation import parse

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

RequestT = TypeVar("RequestT", bound=Request)


async def read(backend: Backend, caller: Caller, uri: str) -> str:
    """Return a resource as JSON. Raises ValidationFailed or NotFound for an address of nothing."""
    shown = made_visible(
        (await _found(backend, caller, uri)).model_dump(mode="json", exclude_defaults=True)
    )
    return json.dumps({**shown, "notice": UNTRUSTED}, ensure_ascii=False, separators=(",", ":"))


async def complete(
    backend: Backend,
    caller: Caller,
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
) -> Completion:
    """Return the values that an argument can take and that begin as it was typed."""
    offered = await _offered(backend, caller, ref, argument.name)
    typed = argument.value.lower()
    values = [value for value in offered if value.lower().startswith(typed)]
    return Completion(values=values[:_OFFERED], total=len(values))


async def _found(backend: Backend, caller: Caller, uri: str) -> Record:
    if uri == OPEN_TICKETS:
        return await backend.find_tickets(caller, FindTickets(limit=_OFFERED))
    if uri.startswith(_TICKET):
        return await backend.get_ticket(caller, _request(GetTicket, "ticket", uri, _TICKET))
    if uri.startswith(_BUILD):
        return await backend.get_build(caller, _request(GetBuild, "build_id", uri, _BUILD))
    why = f"There is no resource {shortened(visible(uri), 60)!r}"
    raise NotFound(f"{why}; there are {OPEN_TICKETS}, {TICKET} and {BUILD}.")


def _request(model: type[RequestT], field: str, uri: str, prefix: str) -> RequestT:
    return parse(model, {field: unquote(uri.removeprefix(prefix))}, BOT)


async def _offered(
    backend: Backend,
    caller: Caller,
    ref: PromptReference | ResourceTemplateReference,
    argument: str,
) -> Sequence[str]:
    match ref:
        case PromptReference(name=name):
            return choices(name, argument)
        case ResourceTemplateReference(uri="handoff://tickets/{ref}") if argument == "ref":
            page = await backend.find_tickets(caller, FindTickets(limit=_OFFERED))
            return [ticket.name for ticket in page.tickets]
        case ResourceTemplateReference(uri="handoff://builds/{id}") if argument == "id":
            found = await backend.find_builds(caller, FindBuilds(limit=_OFFERED))
            return [build.id for build in found.items]
        case _:
            return []
