"""Projects over an API, and whom it takes us for."""

from contextlib import suppress

from mcp_handoff.actors import Caller
from mcp_handoff.errors import NotFound, Unsupported
from mcp_handoff.principals import Identity
from mcp_handoff.projects import CreatedProject, CreateProject, ListProjects, ProjectPage
from mcp_handoff.remote.api import Api, sent_key
from mcp_handoff.remote.responses import objects, parse_response

_TICKETS = 2000
"""How many of the caller's tickets are looked through for projects."""


async def list_projects(api: Api, caller: Caller, request: ListProjects) -> ProjectPage:
    """List the projects; where the API lists none, those of the caller's tickets."""
    try:
        query = request.model_dump()
        response = await api.tickets.send("GET", "/projects", query=query)
    except (NotFound, Unsupported):
        # The documented API lists no projects; those of the caller's tickets are there.
        listed = await api.tickets.send("GET", "/tickets", query={"limit": _TICKETS, "slim": 1})
        ids = [row.get("project_id") for row in objects(listed.get("tickets"))]
        response = {"projects": [{"id": id_} for id_ in dict.fromkeys(ids) if id_]}
    return parse_response(ProjectPage, response, wrote=False)


async def create_project(api: Api, caller: Caller, request: CreateProject) -> CreatedProject:
    """Start a project."""
    body = request.model_dump(exclude={"idempotency_key"}, exclude_none=True)
    key = sent_key(caller, request.idempotency_key)
    response = await api.tickets.send("POST", "/projects", body=body, key=key)
    return parse_response(CreatedProject, response, wrote=True)


async def check_ready(api: Api) -> None:
    """Ask for the projects, which is answered quickly; one that lists none answers too."""
    with suppress(NotFound, Unsupported):
        await api.tickets.send("GET", "/projects")


async def whoami(api: Api) -> Identity:
    """Return as whom we act there. Raises Unsupported where the API does not say."""
    try:
        response = await api.tickets.send("GET", "/me")
    except NotFound:
        if api.tickets.is_ours:
            raise
        raise Unsupported(
            f"The API at {api.tickets.address} does not say whose token this is (GET /me)."
        ) from None
    return parse_response(Identity, response, wrote=False)
