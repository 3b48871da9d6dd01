"""Projects: where tickets are numbered."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Forbidden, Misconfigured, ValidationFailed
from mcp_handoff.principals import Principal
from mcp_handoff.schema import (
    SLUG_LENGTH,
    Cursor,
    IdempotencyKey,
    Limit,
    Name,
    Record,
    Replayable,
    Request,
    Slug,
    Timestamp,
)

FALLBACK_SLUG = "default"

ProjectName = Name
"""A project's id or slug."""


class Project(Record):
    """A project as it is listed, with its policies (see ChangeProject); of a project that an API
    only mentions, the id is known."""

    id: str
    slug: str | None = None
    name: str | None = None
    organization_id: str | None = None
    created_at: Timestamp | None = None
    auto_close: bool | None = None
    require_proof: bool | None = None
    four_eyes: bool | None = None


class CreateProject(Request):
    """Start a project; its slug is made of its name unless given."""

    name: Name
    slug: Slug | None = None
    idempotency_key: IdempotencyKey | None = None


class CreatedProject(Replayable):
    """The project that was started."""

    project: Project


class ListProjects(Request):
    """List the projects that the caller may see."""

    limit: Limit = 100
    cursor: Cursor | None = None


class ProjectPage(Record):
    """Projects, in the order of their slugs."""

    projects: list[Project]
    next_cursor: str | None = None


class ChangeProject(Request):
    """Change a project's policies; what is absent stays.

    `auto_close` executes at once what a linked repository's merge proposes; `require_proof`
    executes only what a forge or git has seen, and whose checks have not failed; `four_eyes` has a
    suggestion executed by somebody else than who made it.
    """

    project: ProjectName
    auto_close: bool | None = None
    require_proof: bool | None = None
    four_eyes: bool | None = None


class ChangedProject(Record):
    """The project as it is now, and which policies changed."""

    project: Project
    changed: list[str]


class PolicyOperations(Protocol):
    """What a store does with its projects' policies."""

    async def change_project(self, caller: Caller, request: ChangeProject, /) -> ChangedProject:
        """Change a project's policies. Raises NotFound."""
        ...


class ProjectOperations(Protocol):
    """What a backend does with projects."""

    async def list_projects(self, caller: Caller, request: ListProjects, /) -> ProjectPage:
        """List the projects that the caller may see, in the order of their slugs."""
        ...

    async def create_project(self, caller: Caller, request: CreateProject, /) -> CreatedProject:
        """Start a project. Raises AlreadyExists."""
        ...


def require_starter(principal: Principal) -> None:
    """Refuse to start a project for a bot (Forbidden)."""
    if principal.role == "bot":
        raise Forbidden("A bot's token starts no projects; ask a user or an admin.")


def require_sight(principal: Principal, slug: str) -> None:
    """Refuse to write in a project that the caller may not see (Forbidden)."""
    if not principal.may_see(slug):
        allowed = ", ".join(sorted(principal.projects or ()))
        raise Forbidden(
            f"This token may write only in {allowed}.",
            fields={"project": f"{slug} is not in there"},
        )


def require_organization(slug: str, known: Sequence[str]) -> None:
    """Refuse another organization than those that a store holds (Misconfigured)."""
    if known and slug not in known:
        raise Misconfigured(
            f"This store belongs to the organization {known[0]}, and no token keeps two apart: set"
            f" HANDOFF_ORG={known[0]}, or give {slug} a store of its own (HANDOFF_BACKEND)."
        )


def is_id(name: str) -> bool:
    """Tell whether a project is named by its id rather than by its slug."""
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", name.lower()) is not None


def require_slug(name: str) -> str:
    """Return the slug of a new project of this name; ValidationFailed where it makes none."""
    slug = _slug_in(name)
    if not slug:
        why = "is required: the name has no digits or Latin letters to make it of"
        raise ValidationFailed.at("slug", why, "give one")
    return slug


def slug_of(name: str) -> str:
    """Return a slug made of `name`: "Crème Brûlée!" becomes "creme-brulee", and what makes none
    "default"."""
    return _slug_in(name) or FALLBACK_SLUG


def _slug_in(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_LENGTH].strip("-")


def checkout_slug(directory: Path) -> str:
    """Return the slug of the git checkout that `directory` is in, else "default"."""
    for folder in (directory, *directory.parents):
        if (folder / ".git").exists():
            return slug_of(folder.name)
    return FALLBACK_SLUG
