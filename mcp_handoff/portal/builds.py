"""The builds: what bots make, newest first."""

from typing import get_args

from starlette.responses import Response

from mcp_handoff.builds import BuildStatus, FindBuilds
from mcp_handoff.portal.visits import Visit
from mcp_handoff.validation import Arguments


async def show_builds(visit: Visit) -> Response:
    """Show a page of the builds, of one status where the address names it."""
    query = visit.request.query_params
    sent = {name: query[name] for name in ("status", "cursor") if query.get(name)}
    page = await visit.desk.find_builds(visit.visitor, Arguments(FindBuilds, sent))
    return visit.render(
        "builds.html",
        page=page,
        project=visit.desk.own_project(visit.visitor),
        chosen=query.get("status"),
        statuses=get_args(BuildStatus),
    )
