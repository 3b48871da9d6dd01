"""Projects and the organizations that they belong to."""

from typing import NoReturn

from mcp_handoff.actors import Caller
from mcp_handoff.errors import AlreadyExists, NotFound
from mcp_handoff.ids import new_id
from mcp_handoff.projects import (
    ChangedProject,
    ChangeProject,
    CreatedProject,
    CreateProject,
    ListProjects,
    Project,
    ProjectPage,
    is_id,
    require_organization,
    require_sight,
    require_slug,
)
from mcp_handoff.schema import SLUG_LENGTH, timestamp
from mcp_handoff.store import cursors, history, idempotency
from mcp_handoff.store.transaction import Row, Transaction, insert, placeholders
from mcp_handoff.text.characters import shortened, visible

_NAMED = 10
"""How many projects are named to whoever asks for one that is not there."""


def list_projects(tx: Transaction, caller: Caller, request: ListProjects) -> ProjectPage:
    """Return a page of the projects that the caller may see, by their slugs."""
    position = cursors.decode_slug(request.cursor, request) or ""
    rows = _seen(tx, caller, position, request.limit + 1)
    page = rows[: request.limit]
    return ProjectPage(
        projects=[Project.model_validate(row) for row in page],
        next_cursor=cursors.encode(page[-1]["slug"], request) if len(page) < len(rows) else None,
    )


def first_seen(tx: Transaction, caller: Caller, most: int) -> list[Row]:
    """Return the first `most` projects that the caller may see, by their slugs."""
    return _seen(tx, caller, "", most)


def seen_slugs(tx: Transaction, caller: Caller, most: int) -> list[str]:
    """Return the slugs of the first `most` projects that the caller may see."""
    return [row["slug"] for row in _seen(tx, caller, "", most)]


def sight_of(caller: Caller) -> tuple[str, dict[str, str]]:
    """Return, in SQL, which projects the caller may see, and the values of its parameters."""
    if caller.principal.projects is None:
        return "1 = 1", {}
    parameters, slugs = placeholders("slug", sorted(caller.principal.projects))
    return f"slug IN ({parameters or 'NULL'})", slugs


def _seen(tx: Transaction, caller: Caller, position: str, most: int) -> list[Row]:
    """Return the first `most` projects that the caller may see, by their slugs after `position`."""
    seen, slugs = sight_of(caller)
    return tx.fetch_all(
        f"SELECT * FROM projects WHERE {seen} AND slug > :position ORDER BY slug LIMIT :most",
        position=position,
        most=most,
        **slugs,
    )


def _require_sight(tx: Transaction, caller: Caller, request: CreateProject) -> str:
    """Return the slug that a project is asked for under."""
    slug = request.slug or require_slug(request.name)
    require_sight(caller.principal, slug)
    return slug


@idempotency.once(CreatedProject, access=_require_sight)
def create_project(tx: Transaction, caller: Caller, request: CreateProject) -> CreatedProject:
    """Start a project; AlreadyExists when its slug is taken."""
    slug = _require_sight(tx, caller, request)
    if find(tx, slug):
        raise AlreadyExists.at("slug", f"{slug!r} is taken", "choose another")
    row = _add(tx, caller, slug=slug, name=request.name)
    return CreatedProject(project=Project.model_validate(row))


def change_project(tx: Transaction, caller: Caller, request: ChangeProject) -> ChangedProject:
    """Change a project's policies."""
    row = require(tx, caller, request.project)
    given = request.model_dump(exclude={"project"}, exclude_none=True)
    now = tx.fetch_one_locked("SELECT * FROM projects WHERE id = :id", id=row["id"])
    assert now is not None, "projects stay"
    changes = {name: int(value) for name, value in given.items() if value != now[name]}
    if changes:
        assignments = ", ".join(f"{name} = :{name}" for name in changes)
        tx.execute(f"UPDATE projects SET {assignments} WHERE id = :id", id=row["id"], **changes)
        history.add_event(
            tx,
            caller,
            "project.changed",
            subject_id=row["id"],
            project_id=row["id"],
            before={name: bool(now[name]) for name in changes},
            after={name: bool(value) for name, value in changes.items()},
        )
    project = Project.model_validate({**now, **changes})
    return ChangedProject(project=project, changed=[*changes])


def find(tx: Transaction, name: str) -> Row | None:
    """Return the project with this id or slug."""
    return tx.fetch_one(
        "SELECT p.*, o.slug AS organization FROM projects p"
        " JOIN organizations o ON o.id = p.organization_id"
        " WHERE p.slug = :name OR p.id = :name",
        name=name.lower(),
    )


def require(tx: Transaction, caller: Caller, name: str) -> Row:
    """Return the project with this id or slug, NotFound without one."""
    return find(tx, name) or _missing(tx, caller, name)


def find_seen(tx: Transaction, caller: Caller, name: str | None) -> Row | None:
    """Return the named project or the caller's own, None where there is none yet; Forbidden for
    one that the caller may not see."""
    slug = name or caller.project
    row = find(tx, slug)
    require_sight(caller.principal, row["slug"] if row else slug)
    return row


def open_or_create(tx: Transaction, caller: Caller, name: str | None) -> Row:
    """Return the named project, or the caller's own, which is made when it is first used.

    Raises Forbidden for a project that the caller may not see.
    """
    if row := find_seen(tx, caller, name):
        return row
    slug = name or caller.project
    if slug != caller.project or is_id(slug):
        return require(tx, caller, slug)
    return _add(tx, caller, slug=slug, name=slug)


def find_named(tx: Transaction, caller: Caller, name: str | None) -> Row | None:
    """Return the named project, or the caller's own where it was used already.

    A project that the caller may not see is NotFound, as one that is not there.
    """
    row = find(tx, name or caller.project)
    if row and caller.principal.may_see(row["slug"]):
        return row
    return None if name in (None, caller.project) else _missing(tx, caller, name)


def list_organizations(tx: Transaction) -> list[str]:
    """Return the slugs of the organizations that the store holds, the first one first."""
    return [row["slug"] for row in tx.fetch_all("SELECT slug FROM organizations ORDER BY id")]


def organization_id(tx: Transaction, slug: str) -> str | None:
    """Return the id of an organization."""
    row = tx.fetch_one("SELECT id FROM organizations WHERE slug = :slug", slug=slug)
    return row["id"] if row else None


def open_organization(tx: Transaction, slug: str) -> str:
    """Return the id of the store's organization, which the first to ask makes its own.

    Raises Misconfigured for another.
    """
    if found := organization_id(tx, slug):
        return found
    require_organization(slug, list_organizations(tx))
    made = new_id()
    row = {"id": made, "slug": slug, "created_at": timestamp(tx.now), "sole": 1}
    insert(tx, "organizations", row)
    return made


def _missing(tx: Transaction, caller: Caller, name: str) -> NoReturn:
    slugs = seen_slugs(tx, caller, _NAMED + 1)
    more = " and more" if len(slugs) > _NAMED else ""
    match slugs:
        case []:
            there_are = "there is none yet"
        case [only]:
            there_are = f"there is only {only}"
        case _:
            there_are = f"there are {', '.join(slugs[:_NAMED])}{more}"
    why = f"{shortened(visible(name), SLUG_LENGTH)} is not here"
    raise NotFound.at("project", why, there_are)


def _add(tx: Transaction, caller: Caller, *, slug: str, name: str) -> Row:
    made = new_id()
    row = {
        "id": made,
        "organization_id": open_organization(tx, caller.organization),
        "slug": slug,
        "name": name,
        "last_number": 0,
        "created_at": timestamp(tx.now),
    }
    insert(tx, "projects", row)
    history.add_event(
        tx,
        caller,
        "project.created",
        subject_id=made,
        project_id=made,
        after={"slug": slug, "name": name},
    )
    return row
