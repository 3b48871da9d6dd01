"""The inbox: what waits for a person."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from mcp_handoff.builds import Build, FindBuilds
from mcp_handoff.errors import NotFound, ValidationFailed
from mcp_handoff.messages import ListQuestions, Question
from mcp_handoff.overview import GetOverview
from mcp_handoff.portal.addresses import INBOX, local_address
from mcp_handoff.portal.forms import read_form
from mcp_handoff.portal.rendering import KEPT_SECONDS, ROLES_COOKIE, set_cookie
from mcp_handoff.portal.visits import Visit
from mcp_handoff.references import project_of
from mcp_handoff.suggestions import ActOnSuggestion, ListSuggestions
from mcp_handoff.tickets import FindTickets, GetTicket, Ticket, TicketDetail
from mcp_handoff.validation import Arguments
from mcp_handoff.webhooks import ListWebhooks, Webhook
from mcp_handoff.workflow import STILL_TO_ACT, WORK_ROLES

SILENT = timedelta(hours=1)
"""How long nothing is heard of a build that is under way until it stands among what is stalled."""

SHOWN = 20
"""How many questions, tickets and builds of a kind are shown at most."""

_TO_ANSWER = ("clarification_needed", "decision_needed")


async def show_inbox(visit: Visit) -> Response:
    """Show what is to be approved, to be answered and in one's own hands in a project, and what is
    stalled there."""
    desk, visitor, query = visit.desk, visit.visitor, visit.request.query_params
    roles = _own_roles(visit)
    questions = await _questions(visit, roles)
    asked = {question.ticket for question in questions}
    pending = {"status": "pending", "cursor": query.get("after")}
    project, projects = desk.own_project(visitor), await visit.projects()
    response = visit.render(
        "inbox.html",
        suggestions=await desk.list_suggestions(visitor, Arguments(ListSuggestions, pending)),
        questions=questions,
        undecided=[
            ticket
            for kind in _TO_ANSWER
            for ticket in await _tickets(visit, kind, roles)
            if ticket.name not in asked
        ],
        overview=await desk.get_overview(visitor, Arguments(GetOverview)),
        stalled=[held for held in (await visit.takes()).takes if held.take.stale],
        silent=await _silent_builds(visit),
        dead=[webhook for webhook in await _webhooks(visit) if webhook.off_since],
        settled=await _settled_ticket(visit),
        own_roles=roles,
        roles=WORK_ROLES,
        four_eyes=any(one.four_eyes for one in projects if one.slug == project),
        project=project,
        projects=projects,
    )
    if query.get("roles"):
        set_cookie(visit.request, response, ROLES_COOKIE, ".".join(roles), KEPT_SECONDS)
    return response


async def act_on_suggestion(visit: Visit) -> Response:
    """Execute or decline a suggestion, and show the page again on which that was done: the inbox
    with what became of its ticket."""
    form = await read_form(visit.request)
    sent = form.given("action", "reason")
    sent["suggestion_id"] = visit.request.path_params["suggestion"]
    ticket, back = form.one("ticket") or "", local_address(form.one("back") or INBOX)
    if project := project_of(ticket):
        sent["project"] = project
        if back == INBOX:
            back = f"{INBOX}?{urlencode({'project': project, 'settled': ticket})}"
    await visit.desk.act_on_suggestion(visit.visitor, Arguments(ActOnSuggestion, sent))
    return visit.back_to(back)


async def _settled_ticket(visit: Visit) -> TicketDetail | None:
    """Return the ticket whose suggestion was executed or declined on this page just now; None where
    none was, or it was pruned since, or somebody made up its name."""
    name = visit.request.query_params.get("settled")
    if not name:
        return None
    try:
        return await visit.desk.get_ticket(visit.visitor, Arguments(GetTicket, {"ticket": name}))
    except (NotFound, ValidationFailed):
        return None


def _own_roles(visit: Visit) -> list[str]:
    """Return the roles that somebody said to have, now or in this browser earlier; none stand for
    all."""
    query = visit.request.query_params
    kept = visit.request.cookies.get(ROLES_COOKIE, "").split(".")
    said = query.getlist("role") if query.get("roles") else kept
    return [role for role in WORK_ROLES if role in said]


async def _questions(visit: Visit, roles: list[str]) -> list[Question]:
    if not visit.desk.has_store:
        return []
    sent = {"roles": roles, "limit": SHOWN}
    page = await visit.desk.list_questions(visit.visitor, Arguments(ListQuestions, sent))
    return page.questions


async def _tickets(visit: Visit, request_type: str, roles: list[str]) -> list[Ticket]:
    """Return the most urgent open tickets of a type on which one of these roles has to act."""
    sent = {"request_type": request_type, "status": "open", "order": "urgency", "limit": SHOWN}
    page = await visit.desk.find_tickets(
        visit.visitor, Arguments(FindTickets, {**sent, "slim": True})
    )
    return [
        ticket
        for ticket in page.tickets
        if not roles
        or any(one.role in roles and one.status in STILL_TO_ACT for one in ticket.roles)
    ]


async def _silent_builds(visit: Visit) -> list[Build]:
    if not visit.desk.has_store:
        return []
    since = (datetime.now(UTC) - SILENT).isoformat()
    sent = {"silent_since": since, "limit": SHOWN}
    return (await visit.desk.find_builds(visit.visitor, Arguments(FindBuilds, sent))).items


async def _webhooks(visit: Visit) -> list[Webhook]:
    """Return the webhooks, for those who can switch one on again."""
    if not visit.desk.has_store or not visit.visitor.principal.is_full_admin:
        return []
    return (await visit.desk.list_webhooks(visit.visitor, Arguments(ListWebhooks))).webhooks
