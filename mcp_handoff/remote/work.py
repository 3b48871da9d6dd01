"""Working on tickets over an API: all that ours has, and what is documented of others."""

from typing import Any
from urllib.parse import quote

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Unsupported
from mcp_handoff.events import Change, EventKind
from mcp_handoff.references import parse_name
from mcp_handoff.remote.api import Api, sent_key
from mcp_handoff.remote.paths import project_path, tickets_path
from mcp_handoff.remote.responses import parse_response
from mcp_handoff.remote.tickets import find_row, is_ours, project_of, ticket_fields
from mcp_handoff.text.characters import listed
from mcp_handoff.text.masking import masked_fields
from mcp_handoff.work import TakenTicket, TakeTicket, UpdatedTicket, UpdateTicket

_SAME = {
    *("priority", "title", "description", "request_type", "updated_at"),
    *("blocking", "add_roles", "blocked_by", "park", "fence", "stage"),
}
"""What an update and the documented body, or another mcp-handoff's, call by the same name."""

_OURS = ("blocking", "add_roles", "blocked_by", "park", "fence")
"""What the documented body has no field for."""


_TEXTS = {"title", "description", "note", "park", "criteria"}


async def take_ticket(api: Api, caller: Caller, request: TakeTicket) -> TakenTicket:
    """Take a role's work. Raises Unsupported where the API lets nobody take any."""
    project = project_of(request, caller)
    if not await is_ours(api, project):
        raise Unsupported(
            f"The API at {api.tickets.address} keeps nobody's takes; to say that you begin,"
            " set the role's status to in_progress."
        )
    given = request.model_dump(include={"role", "note", "take_over"}, exclude_none=True)
    body, masked = masked_fields(given)
    if request.ticket:
        path = f"{tickets_path(project)}/{quote(request.ticket, safe='')}/take"
    else:
        path = f"{project_path(project)}/take"
    key = sent_key(caller, request.idempotency_key)
    response = await api.tickets.send("POST", path, body=body, key=key)
    taken = parse_response(TakenTicket, response, wrote=True, masked=masked)
    ticket = taken.detail.ticket
    api.feed.publish([Change("ticket.taken", ticket.id, ticket.reference)])
    return taken


async def update_ticket(api: Api, caller: Caller, request: UpdateTicket) -> UpdatedTicket:
    """Change a ticket. Raises Unsupported for what the API has no field for."""
    project, name = project_of(request, caller), request.ticket
    before: dict[str, Any] = {}
    if not await is_ours(api, project):
        given = [field for field in _OURS if getattr(request, field) is not None]
        if given:
            raise Unsupported(
                f"The API at {api.tickets.address} keeps no {listed(given)}; leave that out."
            )
        project = request.project or caller.project
        before = dict(await find_row(api, project, name))
        name = str(before["id"]) if parse_name(name).id is None else name
    texts, masked = masked_fields(request.model_dump(include=_TEXTS))
    body = _body(request.model_copy(update=texts))
    path = f"{tickets_path(project)}/{quote(name, safe='')}"
    key = sent_key(caller, request.idempotency_key)
    response = await api.tickets.send("PATCH", path, body=body, key=key)
    known = {"id": name, "status": "open", **before, **body}
    ticket = {**ticket_fields(known, project), **ticket_fields(response.get("ticket"), project)}
    # An API may tell no more than the ticket.
    told = {"changed": sorted(body), "handed_on_to": [], "unblocked": [], **response}
    updated = parse_response(UpdatedTicket, {**told, "ticket": ticket}, wrote=True, masked=masked)
    kind: EventKind = "ticket.updated"
    if updated.ticket.status == "closed" and "status" in body:
        kind = "ticket.closed"
    api.feed.publish([Change(kind, updated.ticket.id, updated.ticket.reference)])
    return updated


def _body(request: UpdateTicket) -> dict[str, Any]:
    """Return an update as the documented page has it, with another mcp-handoff's own fields."""
    body = request.model_dump(include=_SAME, exclude_none=True)
    if request.close_as:
        body |= {"status": "closed", "resolution_type": request.close_as}
        body |= {"resolution_note": request.note} if request.note else {}
        body |= {"skip_human_test_gate": True} if request.skip_tests else {}
    elif request.reopen:
        body["status"] = "open"
    if request.role_status:
        change: dict[str, Any] = {"role": request.role, "status": request.role_status}
        change |= {"work_started_note": request.note} if request.note else {}
        body["role_status"] = {**change, **(request.criteria or {})}
    elif request.note and not request.close_as:
        body["work_started_note"] = request.note
    return body
