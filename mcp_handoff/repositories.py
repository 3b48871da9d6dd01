"""Repositories: those whose forge tells a project of merges, checks and deployments."""

import secrets
from typing import Annotated, Protocol

from pydantic import StringConstraints

from mcp_handoff.actors import Caller
from mcp_handoff.merges import Delivery, ForgeName
from mcp_handoff.projects import ProjectName
from mcp_handoff.proofs import LENIENT, Policy
from mcp_handoff.schema import HARMLESS, STORABLE, Record, Request, Timestamp, Uuid

NAME_PATTERN = r"^[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+$"

RepositoryName = Annotated[
    str,
    StringConstraints(max_length=200, pattern=NAME_PATTERN),
    STORABLE,
    HARMLESS,
]
"""A repository as its forge names it: owner/name, or with the groups that GitLab nests."""


class Repository(Record):
    """A repository that is linked to a project, as it is listed: never its secret."""

    id: str
    forge: ForgeName
    name: str
    project: str
    created_at: Timestamp
    last_delivery_at: Timestamp | None = None


class LinkRepository(Request):
    """Have a repository's forge tell a project what happens there."""

    name: RepositoryName
    forge: ForgeName = "github"
    project: ProjectName | None = None


class LinkedRepository(Record):
    """A repository with the secret that its forge signs with, which is shown this once."""

    repository: Repository
    secret: str


class ListRepositories(Request):
    """List the repositories that are linked."""


class RepositoryList(Record):
    """Repositories, by their names."""

    repositories: list[Repository]


class UnlinkRepository(Request):
    """Take no more deliveries of a repository."""

    repository_id: Uuid


class UnlinkedRepository(Record):
    """The repository that was unlinked."""

    repository: Repository


class TakenDelivery(Record):
    """What came of a delivery: `repeated` when it was taken before."""

    repeated: bool = False


class RepositoryOperations(Protocol):
    """What a store does with linked repositories, and with what their forges tell."""

    async def link_repository(self, caller: Caller, request: LinkRepository, /) -> LinkedRepository:
        """Link a repository to one project. Raises AlreadyExists for one that is linked."""
        ...

    async def list_repositories(
        self, caller: Caller, request: ListRepositories, /
    ) -> RepositoryList:
        """List the linked repositories."""
        ...

    async def unlink_repository(
        self, caller: Caller, request: UnlinkRepository, /
    ) -> UnlinkedRepository:
        """Take no more deliveries of a repository, and forget what its forge told: proofs that rest
        on it are proofs no more, but for those of what was closed. Raises NotFound."""
        ...

    async def find_secret(self, forge: ForgeName, name: str, /) -> str | None:
        """Return the secret that a repository's forge signs with, None for one that is not
        linked."""
        ...

    async def take_delivery(
        self, forge: ForgeName, delivery: Delivery, policy: Policy = LENIENT, /
    ) -> TakenDelivery:
        """Keep what a forge told of a linked repository, with all that arises from it: whatever
        comes twice or late ends the same. `policy` is what the server asks for in every project
        before a suggestion is executed. Raises NotFound for a repository that is not linked."""
        ...


def new_secret() -> str:
    """Return a secret for a forge to sign with: 256 random bits."""
    return f"mhh_{secrets.token_urlsafe(32)}"
