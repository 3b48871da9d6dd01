"""A ticket's page, what is done on it, and the form of a new one."""

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.events import HISTORIANS, Event, ListEvents
from mcp_handoff.messages import AddMessage, ListMessages
from mcp_handoff.portal.forms import Form, read_form
from mcp_handoff.portal.timeline import timeline
from mcp_handoff.portal.visits import Visit
from mcp_handoff.references import project_of, ticket_path
from mcp_handoff.similarity import FindSimilar
from mcp_handoff.tickets import PRIORITIES, REQUEST_TYPES, CreateTicket, GetTicket, TicketDetail
from mcp_handoff.validation import Arguments
from mcp_handoff.work import TakeTicket, UpdateTicket
from mcp_handoff.workflow import ROLES, WORK_ROLES

_NEW = ("title", "description", "request_type", "priority", "suggested_resolution")
_CHANGES = (
    *("role", "role_status", "stage", "close_as", "note", "priority"),
    *("title", "description", "updated_at"),
)
_EVENTS = 200
"""How many of the newest events of a ticket its page shows."""


async def show_ticket(visit: Visit) -> Response:
    """Show a ticket, its thread and what happened to it."""
    desk, visitor = visit.desk, visit.visitor
    name, after = visit.request.path_params["ticket"], visit.request.query_params.get("after")
    detail = await desk.get_ticket(visitor, Arguments(GetTicket, {"ticket": name}))
    page = {"ticket": name, "limit": 100, "cursor": after}
    thread = await desk.list_messages(visitor, Arguments(ListMessages, page))
    project = project_of(detail.ticket.name)
    return visit.render(
        "ticket.html",
        detail=detail,
        ticket=detail.ticket,
        project=project or "",
        four_eyes=any(one.four_eyes for one in await visit.projects() if one.slug == project),
        timeline=timeline(
            thread.messages,
            await _events(visit, detail),
            is_first=not after,
            is_last=not thread.next_cursor,
        ),
        next_cursor=thread.next_cursor,
        takes={take.role: take for take in detail.takes},
        roles=WORK_ROLES,
        priorities=PRIORITIES,
    )


async def _events(visit: Visit, detail: TicketDetail) -> Sequence[Event]:
    """Return the newest of what happened to a ticket, less of it for whoever may not read a
    project's history."""
    if not visit.desk.has_store or visit.visitor.principal.role not in HISTORIANS:
        return detail.events
    sent = {"ticket": detail.ticket.name, "newest_first": True, "limit": _EVENTS}
    return (await visit.desk.list_events(visit.visitor, Arguments(ListEvents, sent))).events


async def show_new_ticket(visit: Visit) -> Response:
    """Show the form of a new ticket."""
    return await _form(visit, Form({}), {})


async def show_similar(visit: Visit) -> Response:
    """Show the tickets that look like the one whose title is being written."""
    title = visit.request.query_params.get("title", "").strip()
    if not title or not visit.desk.has_store:
        return visit.render("similar.html", similar=[])
    found = await visit.desk.find_similar(visit.visitor, Arguments(FindSimilar, {"title": title}))
    return visit.render("similar.html", similar=found.tickets)


async def create_ticket(visit: Visit) -> Response:
    """File a ticket; one that has something wrong is shown again, with what that is."""
    form = await read_form(visit.request)
    sent: dict[str, Any] = form.given(*_NEW, "project")
    sent |= {"roles": form.all("roles"), "blocking": form.one("blocking") is not None}
    try:
        created = await visit.desk.create_ticket(visit.visitor, Arguments(CreateTicket, sent))
    except ValidationFailed as error:
        return await _form(visit, form, error.fields, 400)
    return visit.back_to(ticket_path(created.ticket.name))


async def _form(visit: Visit, form: Form, wrong: dict[str, str], status: int = 200) -> Response:
    return visit.render(
        "new_ticket.html",
        status,
        form=form,
        wrong=wrong,
        project=form.one("project") or visit.desk.own_project(visit.visitor),
        projects=await visit.projects(),
        roles=ROLES,
        priorities=PRIORITIES,
        request_types=REQUEST_TYPES,
    )


async def add_message(visit: Visit) -> Response:
    """Write into the thread of a ticket."""
    form, name = await read_form(visit.request), visit.request.path_params["ticket"]
    sent = form.given("body", "to_role", "answers")
    await visit.desk.add_message(visit.visitor, Arguments(AddMessage, {**sent, "ticket": name}))
    return visit.back_to(ticket_path(name) + "#thread")


async def take_ticket(visit: Visit) -> Response:
    """Take a role's work, over from a holder whose time is over if that was asked for."""
    form, name = await read_form(visit.request), visit.request.path_params["ticket"]
    sent = {**form.given("role", "note"), "ticket": name}
    sent["take_over"] = form.one("take_over") is not None
    await visit.desk.take_ticket(visit.visitor, Arguments(TakeTicket, sent))
    return visit.back_to(ticket_path(name))


async def update_ticket(visit: Visit) -> Response:
    """Change a ticket: how far a role is, its stage, its priority; close it."""
    form, name = await read_form(visit.request), visit.request.path_params["ticket"]
    sent: dict[str, Any] = {**form.given(*_CHANGES), "ticket": name}
    if blocking := form.one("blocking"):
        sent["blocking"] = blocking == "true"
    if form.one("reopen"):
        sent["reopen"] = True
    if form.one("links"):
        sent["blocked_by"] = (form.one("blocked_by") or "").replace(",", " ").split()
    await visit.desk.update_ticket(visit.visitor, Arguments(UpdateTicket, sent))
    return visit.back_to(ticket_path(name))
