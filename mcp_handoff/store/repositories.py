"""Linked repositories."""

from mcp_handoff.actors import Caller
from mcp_handoff.errors import AlreadyExists, NotFound
from mcp_handoff.ids import new_id
from mcp_handoff.merges import ForgeName
from mcp_handoff.repositories import (
    LinkedRepository,
    LinkRepository,
    ListRepositories,
    Repository,
    RepositoryList,
    UnlinkedRepository,
    UnlinkRepository,
    new_secret,
)
from mcp_handoff.schema import timestamp
from mcp_handoff.store import history, projects
from mcp_handoff.store.transaction import Row, Transaction, insert

_SELECT = "SELECT r.*, p.slug AS project FROM repositories r JOIN projects p ON p.id = r.project_id"
_BY_NAME = f"{_SELECT} WHERE r.forge = :forge AND r.key = :key"


def link_repository(tx: Transaction, caller: Caller, request: LinkRepository) -> LinkedRepository:
    """Link a repository to a project; AlreadyExists when it is linked to one already."""
    project = projects.open_or_create(tx, caller, request.project)
    if linked := find(tx, request.forge, request.name):
        why = f"is linked to project {linked['project']} already"
        raise AlreadyExists.at("name", why, "unlink it there first")
    row = {
        "id": new_id(),
        "project_id": project["id"],
        "forge": request.forge,
        "name": request.name,
        "key": request.name.casefold(),
        "secret": new_secret(),
        "created_at": timestamp(tx.now),
    }
    insert(tx, "repositories", row)
    shown = {"forge": row["forge"], "name": row["name"]}
    history.add_event(
        tx,
        caller,
        "repository.linked",
        subject_id=row["id"],
        project_id=project["id"],
        after=shown,
    )
    linked = Repository.model_validate({**row, "project": project["slug"]})
    return LinkedRepository(repository=linked, secret=row["secret"])


def list_repositories(tx: Transaction, caller: Caller, request: ListRepositories) -> RepositoryList:
    """Return all linked repositories, by their names."""
    rows = tx.fetch_all(f"{_SELECT} ORDER BY r.key, r.forge")
    return RepositoryList(repositories=[Repository.model_validate(row) for row in rows])


def unlink_repository(
    tx: Transaction, caller: Caller, request: UnlinkRepository
) -> UnlinkedRepository:
    """Forget a repository and what its forge told of it."""
    row = tx.fetch_one_locked(f"{_SELECT} WHERE r.id = :id", "r", id=request.repository_id)
    if row is None:
        raise NotFound.at(
            "repository_id", "names no repository", "list them to see those there are"
        )
    tx.execute("DELETE FROM repositories WHERE id = :id", id=row["id"])
    history.add_event(
        tx,
        caller,
        "repository.unlinked",
        subject_id=row["id"],
        project_id=row["project_id"],
        before={"forge": row["forge"], "name": row["name"]},
    )
    return UnlinkedRepository(repository=Repository.model_validate(row))


def find(tx: Transaction, forge: ForgeName, name: str) -> Row | None:
    """Return a linked repository, None where there is none of this name."""
    return tx.fetch_one(_BY_NAME, forge=forge, key=name.casefold())


def find_locked(tx: Transaction, forge: ForgeName, name: str) -> Row | None:
    """Return a linked repository, None where there is none (any more); nobody else hears of it or
    unlinks it until the transaction ends."""
    return tx.fetch_one_locked(_BY_NAME, "r", forge=forge, key=name.casefold())


def find_secret(tx: Transaction, forge: ForgeName, name: str) -> str | None:
    """Return what a repository's forge signs with, None where it is not linked."""
    row = find(tx, forge, name)
    return row["secret"] if row else None
