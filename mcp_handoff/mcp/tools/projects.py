"""The tool of projects."""

from mcp_handoff.desk import Desk
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import page_of
from mcp_handoff.projects import ListProjects, ProjectPage


def _describe_listed(result: ProjectPage) -> str:
    if not result.projects:
        return "No projects yet; the first create_ticket makes one."
    lines = [f"{project.slug or project.id}: {project.name or ''}" for project in result.projects]
    return page_of(lines, result.next_cursor)


LIST_PROJECTS = Tool(
    name="list_projects",
    title="List projects",
    description="List the projects that hold tickets.",
    request=ListProjects,
    result=ProjectPage,
    perform=Desk.list_projects,
    describe=_describe_listed,
    holds_others_words=True,
    reads=True,
)
