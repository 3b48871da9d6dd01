"""The inbox: what waits for a person."""

from starlette.responses import Response

from mcp_handoff.overview import GetOverview
from mcp_handoff.portal.addresses import INBOX
from mcp_handoff.portal.forms import read_form
from mcp_handoff.portal.visits import Visit
from mcp_handoff.suggestions import ActOnSuggestion, ListSuggestions
from mcp_handoff.validation import Arguments
from mcp_handoff.workflow import WORK_ROLES


async def show_inbox(visit: Visit) -> Response:
    """Show what is to be approved, and what was asked, in a project."""
    pending = {"status": "pending", "cursor": visit.request.query_params.get("after")}
    suggestions = await visit.desk.list_suggestions(
        visit.visitor, Arguments(ListSuggestions, pending)
    )
    overview = await visit.desk.get_overview(visit.visitor, Arguments(GetOverview))
    stalled = [held for held in (await visit.takes()).takes if held.take.stale]
    return visit.render(
        "inbox.html",
        suggestions=suggestions,
        overview=overview,
        stalled=stalled,
        questions=[],
        undecided=[],
        silent=[],
        dead=[],
        mine=[],
        roles=WORK_ROLES,
        four_eyes=False,
        project=visit.desk.own_project(visit.visitor),
        projects=await visit.projects(),
    )


async def act_on_suggestion(visit: Visit) -> Response:
    """Execute or decline a suggestion."""
    form = await read_form(visit.request)
    sent = form.given("action", "reason", "project")
    sent["suggestion_id"] = visit.request.path_params["suggestion"]
    await visit.desk.act_on_suggestion(visit.visitor, Arguments(ActOnSuggestion, sent))
    return visit.back_to(INBOX)
