"""The people and bots of a project: who holds what."""

from itertools import groupby

from starlette.responses import Response

from mcp_handoff.portal.visits import Visit
from mcp_handoff.takes import HeldRole


async def show_people(visit: Visit) -> Response:
    """Show who holds what, by holder."""
    listed = await visit.takes()
    by_holder = groupby(sorted(listed.takes, key=_holder), key=_holder)
    return visit.render(
        "people.html",
        holders=[(holder, list(held)) for holder, held in by_holder],
        more=listed.more,
        project=visit.desk.own_project(visit.visitor),
        projects=await visit.projects(),
    )


def _holder(held: HeldRole) -> str:
    return held.take.holder
