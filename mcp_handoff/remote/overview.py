"""The overview over an API: of another mcp-handoff all of it, of others the projects."""

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound, Unsupported
from mcp_handoff.overview import NAMED, GetOverview, Overview
from mcp_handoff.projects import ListProjects
from mcp_handoff.remote import projects
from mcp_handoff.remote.api import Api
from mcp_handoff.remote.paths import project_path
from mcp_handoff.remote.responses import parse_response


async def get_overview(api: Api, caller: Caller, request: GetOverview) -> Overview:
    """Return where a project stands, or no more than the projects where the API tells no more."""
    path = f"{project_path(request.project or caller.project)}/overview"
    try:
        response = await api.tickets.send("GET", path, query={"role": request.role})
    except (NotFound, Unsupported):
        if api.tickets.is_ours:
            raise
        listed = await projects.list_projects(api, caller, ListProjects())
        more = listed.next_cursor is not None or len(listed.projects) > NAMED
        return Overview(projects=listed.projects[:NAMED], more_projects=more)
    return parse_response(Overview, response, wrote=False)
