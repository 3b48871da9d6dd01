"""Where an API has what it keeps."""

from urllib.parse import quote

from mcp_handoff.errors import NotFound


def project_path(project: str) -> str:
    return f"/projects/{_segment('project', project)}"


def tickets_path(project: str) -> str:
    return f"{project_path(project)}/tickets"


def suggestions_path(project: str) -> str:
    return f"{project_path(project)}/ai-suggestions"


def events_path(project: str) -> str:
    return f"/projects/{_segment('project', project)}/events"


def builds_path(organization: str) -> str:
    return f"/org/{_segment('org', organization)}/builds"


def _segment(field: str, name: str) -> str:
    """Return a name as part of a path; "." and ".." would lead out of it, however they are
    written."""
    if name in (".", ".."):
        raise NotFound.at(field, "is no name", "leave it out, or list_projects shows some")
    return quote(name, safe="")
