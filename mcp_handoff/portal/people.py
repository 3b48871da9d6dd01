"""The people and bots of a project: who holds what, and what they did."""

from starlette.responses import Response

from mcp_handoff.people import ListPeople, PersonList
from mcp_handoff.portal.visits import Visit
from mcp_handoff.validation import Arguments


async def show_people(visit: Visit) -> Response:
    """Show who works in a project; nobody where an API does not tell."""
    listed = PersonList(people=[])
    if visit.desk.has_store:
        listed = await visit.desk.list_people(visit.visitor, Arguments(ListPeople))
    return visit.render(
        "people.html",
        people=listed.people,
        more=listed.more,
        project=visit.desk.own_project(visit.visitor),
        projects=await visit.projects(),
    )
