"""The tool of projects."""

from mcp_handoff.desk import Desk
from mcp_handoff.mcp.answers import Answer, Line, Reader, Row
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import page_words
from mcp_handoff.projects import ListProjects, ProjectPage


class ProjectRow(Row):
    """A project: what it is called in other calls, and its name."""

    project: Line
    name: Line | None = None


class ProjectsAnswer(Answer):
    """A page of projects."""

    THEIRS = "projects"

    own_project: str
    next_cursor: str | None = None
    projects: list[ProjectRow]


def _tell_listed(result: ProjectPage, reader: Reader) -> ProjectsAnswer:
    own = f"{reader.own_project} is meant where none is named"
    if not result.projects:
        message = f"There is no project yet; {own}, and made by its first ticket."
    else:
        counted = page_words(len(result.projects), "project", result.next_cursor)
        message = f"{counted} {own}."
    rows = [
        ProjectRow(project=project.slug or project.id, name=project.name)
        for project in result.projects
    ]
    return ProjectsAnswer(
        message=message,
        own_project=reader.own_project,
        next_cursor=result.next_cursor,
        projects=rows,
    )


LIST_PROJECTS = Tool(
    name="list_projects",
    title="List projects",
    description=(
        "List projects by slug and name: which there are, and which project is yours, meant"
        " where none is named."
    ),
    request=ListProjects,
    perform=Desk.list_projects,
    answer=ProjectsAnswer,
    tell=_tell_listed,
    reads=True,
)
