"""Tickets over an API: the operations, and how the ticket API's rows are read."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote

from mcp_handoff.actors import Caller
from mcp_handoff.errors import HandoffError, NotFound, OutcomeUnknown, Unsupported, ValidationFailed
from mcp_handoff.events import Change
from mcp_handoff.projects import is_id
from mcp_handoff.references import parse_name, reference
from mcp_handoff.remote.api import Api, sent_key
from mcp_handoff.remote.paths import tickets_path
from mcp_handoff.remote.responses import as_list, as_object, objects, parse_response
from mcp_handoff.text.characters import listed
from mcp_handoff.text.masking import masked_fields
from mcp_handoff.tickets import (
    REPEAT_WINDOW_SECONDS,
    CreatedTicket,
    CreateTicket,
    FindAllTickets,
    FindTickets,
    GetTicket,
    TicketDetail,
    TicketPage,
    TriggerBotBuild,
    TriggeredBuild,
    as_query,
    not_in_project,
)
from mcp_handoff.workflow import MERGED, STILL_TO_ACT

_ALIASES = {
    "request_type": "category",
    "priority": "severity",
    "suggested_resolution": "suggested_backend_change",
}
"""The ticket API's other names of three fields."""

_PAGE, _PAGES = 200, 10
"""How many tickets are looked through for one that the API can't be asked for by name."""


async def create_ticket(api: Api, caller: Caller, request: CreateTicket) -> CreatedTicket:
    """File a ticket, or find the one that was filed although no response came."""
    project = request.project or caller.project
    path = tickets_path(project)
    given = request.model_dump(exclude={"project", "idempotency_key"}, exclude_none=True)
    if not request.blocked_by:
        del given["blocked_by"]
    elif not await is_ours(api, project):
        raise Unsupported(
            f"The API at {api.tickets.address} knows no blockers; leave blocked_by out, and name"
            " them in the description."
        )
    content, masked = masked_fields(given)
    actor = {name: value for name, value in caller.actor.as_json().items() if value is not None}
    body = {**content, **actor}
    key = sent_key(caller, request.idempotency_key)
    try:
        response = await api.tickets.send("POST", path, body=body, key=key)
    except OutcomeUnknown:
        filed = await _find_filed(api, path, content)
        if filed is None:
            raise
        response = {"ticket": filed}

    # An API may return no more than id, status and created_at; the rest is known from here.
    pending = [{"role": role, "status": "pending"} for role in (*request.roles, MERGED)]
    ticket = {**body, "roles": pending, **ticket_fields(response.get("ticket"), project)}
    similar = response.get("similar") if api.tickets.is_ours else None
    fields = {"deduplicated": False, **response, "similar": similar or [], "ticket": ticket}
    created = parse_response(CreatedTicket, fields, wrote=True, masked=masked)
    if not created.deduplicated:
        api.feed.publish([Change("ticket.created", created.ticket.id, created.ticket.reference)])
    return created


async def find_tickets(api: Api, caller: Caller, request: FindTickets) -> TicketPage:
    """List a project's tickets or search them. Raises Unsupported for a filter that only another
    mcp-handoff has; an API that is none lists them in its own order."""
    project = request.project or caller.project
    filters = _own_filters(request)
    query = {
        "q": request.query,
        "status": None if request.status == "any" else request.status,
        "stage": ",".join(request.stage) or None,
        "role": request.role,
        "request_type": request.request_type,
        "limit": request.limit,
        "offset": request.offset or None,
        "cursor": request.cursor,
        "slim": 1 if request.slim else None,
    }
    acting = 1 if request.still_to_act else None
    whole_query = {**query, **filters, "still_to_act": acting, "order": request.order}
    asks_more = bool(filters) or request.still_to_act or request.order != "newest"
    was_ours = api.tickets.is_ours
    sent = whole_query if was_ours else query
    response = await api.tickets.send("GET", tickets_path(project), query=sent)
    if asks_more and api.tickets.is_ours and not was_ours:  # as the first response told
        response = await api.tickets.send("GET", tickets_path(project), query=whole_query)
    if filters and not api.tickets.is_ours:
        raise Unsupported(
            f"The API at {api.tickets.address} does not choose tickets by {listed([*filters])};"
            " leave that out, and choose among those that it lists."
        )
    found = [ticket_fields(row, project) for row in objects(response.get("tickets"))]
    # Nor does it by request type, nor by whether a role has still to act.
    wanted = [
        row
        for row in found
        if request.request_type in (None, row.get("request_type"))
        and (not request.still_to_act or _has_to_act(row, request.role))
    ]
    return parse_response(TicketPage, {**response, "tickets": wanted}, wrote=False)


async def find_all_tickets(api: Api, caller: Caller, request: FindAllTickets) -> TicketPage:
    """List the tickets of all projects; an API that is none of ours may not know how to choose."""
    query = {
        "status": None if request.status == "any" else request.status,
        "stage": ",".join(request.stage) or None,
        "role": request.role,
        "limit": request.limit,
        "cursor": request.cursor,
        "slim": 1 if request.slim else None,
    }
    response = await api.tickets.send("GET", "/tickets", query=query)
    found = [
        ticket_fields(row, str(row.get("project_id", "")))
        for row in objects(response.get("tickets"))
    ]
    if not api.tickets.is_ours:
        found = [
            row
            for row in found
            if request.status in ("any", row.get("status"))
            and (not request.stage or row.get("stage") in request.stage)
            and request.role
            in (None, *(as_object(role).get("role") for role in as_list(row.get("roles"))))
        ]
    return parse_response(TicketPage, {**response, "tickets": found}, wrote=False)


def _has_to_act(row: Mapping[str, Any], role: str | None) -> bool:
    return role is None or any(
        as_object(one).get("role") == role and as_object(one).get("status") in STILL_TO_ACT
        for one in as_list(row.get("roles"))
    )


def _own_filters(request: FindTickets) -> dict[str, str]:
    """Return what the documented API has no parameters for, as ours has them."""
    given = {
        "priority": request.priority,
        "blocking": None if request.blocking is None else str(int(request.blocking)),
        "author": request.author,
        "updated_since": request.updated_since,
        "ready": "1" if request.ready else None,
        "blocked": "1" if request.blocked else None,
        "taken_by": request.taken_by,
    }
    return {name: value for name, value in given.items() if value is not None}


async def get_ticket(api: Api, caller: Caller, request: GetTicket) -> TicketDetail:
    """Read a ticket, out of the list where the API has no endpoint for one. Raises Unsupported
    where the API is to wait and is no other mcp-handoff."""
    if request.wait_s:
        await api.tickets.require_ours("wait_s")
    project = project_of(request, caller)
    path = f"{tickets_path(project)}/{quote(request.ticket, safe='')}"
    try:
        response = await api.tickets.send("GET", path, wait_s=request.wait_s)
    except (NotFound, Unsupported, ValidationFailed):
        if api.tickets.is_ours:
            raise
        # The documented API has no such endpoint.
        project = request.project or caller.project
        response = {"ticket": await find_row(api, project, request.ticket)}
    fields = {**response, "ticket": ticket_fields(response.get("ticket"), project)}
    return parse_response(TicketDetail, fields, wrote=False)


async def trigger_bot_build(api: Api, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
    """Start a bot build for a ticket; named otherwise than by its id, it is looked up first where
    the API may know no other name."""
    project, name = project_of(request, caller), request.ticket
    if not api.tickets.is_ours and (request.replaces or parse_name(name).id is None):
        # The documented API knows a ticket by its id alone; another mcp-handoff, by any name, and
        # the look-up may be the first to show that it is one.
        own = request.project or caller.project
        try:
            row = await find_row(api, own, name)
        except NotFound:
            if not api.tickets.is_ours:
                raise
        else:
            if not api.tickets.is_ours:
                project, name = own, str(row["id"])
    if request.replaces and not api.tickets.is_ours:
        raise Unsupported(
            f"The API at {api.tickets.address} gives no build up; leave replaces out."
        )
    body = request.model_dump(include={"provider", "repo", "replaces"}, exclude_none=True)
    path = f"{tickets_path(project)}/{quote(name, safe='')}/trigger-bot-build"
    key = sent_key(caller, request.idempotency_key)
    response = await api.tickets.send("POST", path, body=body, key=key)
    known = {"id": name, "status": "open", **ticket_fields(response.get("ticket"), project)}
    fields = {**response, "ticket": known}
    triggered = parse_response(TriggeredBuild, fields, wrote=True)
    ticket = triggered.ticket
    build_id = ticket.ai_output.get("build_run", {}).get("build_id")
    api.feed.publish([Change("build.triggered", ticket.id, ticket.reference, build_id)])
    return triggered


class NamesTicket(Protocol):
    """A request that may name a ticket, and its project."""

    @property
    def ticket(self) -> str | None: ...

    @property
    def project(self) -> str | None: ...


def project_of(request: NamesTicket, caller: Caller) -> str:
    """Return the project that a request names, by itself or by its ticket's reference."""
    of_ticket = parse_name(request.ticket).project if request.ticket else None
    return request.project or of_ticket or caller.project


async def is_ours(api: Api, project: str) -> bool:
    """Tell whether the API is another mcp-handoff, which its first response tells."""
    if not api.tickets.is_ours:
        await api.tickets.send("GET", tickets_path(project), query={"limit": 1, "slim": 1})
    return api.tickets.is_ours


async def find_row(api: Api, project: str, name: str) -> Mapping[str, Any]:
    """Return a ticket's row out of the list of its project. Raises NotFound."""
    key = parse_name(name)
    query = {"q": key.number, "limit": _PAGE}
    for _ in range(_PAGES):
        response = await api.tickets.send("GET", tickets_path(project), query=query)
        for row in objects(response.get("tickets")):
            row_id = str(row.get("id", "")).lower()
            if row_id == key.id or (row_id and key.number and row.get("number") == key.number):
                return row
        query["cursor"] = response.get("next_cursor")
        if query["cursor"] is None:
            break
    raise not_in_project("ticket", name, project)


async def _find_filed(api: Api, path: str, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the ticket with this title and description that was filed just now, None where there
    is none or the API can't be asked (docs/decisions/done-or-not.md)."""
    try:
        query = {"q": as_query(content["title"]), "limit": 20}
        response = await api.tickets.send("GET", path, query=query)
    except HandoffError:
        return None
    oldest = datetime.now(UTC) - timedelta(seconds=REPEAT_WINDOW_SECONDS)
    for row in objects(response.get("tickets")):
        if any(row.get(name) != content[name] for name in ("title", "description")):
            continue
        with suppress(ValueError):
            created = datetime.fromisoformat(str(row.get("created_at")))
            if created.tzinfo is not None and created > oldest:
                return row
    return None


def ticket_fields(row: object, project: str) -> dict[str, Any]:
    """Return a ticket's row under our names, with its reference where that is known.

    What the API does not document stays out where it would not fit.
    """
    fields = as_object(row)
    for name, alias in _ALIASES.items():
        if fields.get(name) is None and alias in fields:
            fields = {**fields, name: fields[alias]}
    if "reference" not in fields and "number" in fields and not is_id(project):
        fields = {**fields, "reference": reference(fields["number"], project)}
    # A role that is only named is a new ticket's.
    roles = [
        {"role": role, "status": "pending"} if isinstance(role, str) else role
        for role in as_list(fields.get("roles"))
    ]
    ai_output = as_object(fields.get("ai_output"))
    if not isinstance(ai_output.get("build_run", {}), dict):
        ai_output = {name: value for name, value in ai_output.items() if name != "build_run"}
    fields = {**fields, "roles": roles, "ai_output": ai_output or None}
    return {name: value for name, value in fields.items() if value not in (None, [])}
