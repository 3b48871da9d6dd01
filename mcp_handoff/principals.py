"""Principals: who a request was proved to come from, and what that lets it do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pydantic import ConfigDict

from mcp_handoff.errors import Forbidden
from mcp_handoff.schema import Record

PrincipalRole = Literal["bot", "user", "admin", "reader"]

ROLES: tuple[PrincipalRole, ...] = get_args(PrincipalRole)


@dataclass(frozen=True, slots=True)
class Principal:
    """A credential that was shown, and what it stands for.

    `id` tells one credential from every other; `projects` is None for all of them. `expires_at` is
    known of a credential that says so itself, in seconds since 1970: an access token of OAuth;
    `digest` is that of the secret that was shown, of a token of ours.
    """

    id: str
    name: str
    role: PrincipalRole
    projects: frozenset[str] | None = None
    expires_at: float | None = None
    digest: str | None = field(default=None, repr=False)

    def may_see(self, slug: str) -> bool:
        return self.projects is None or slug in self.projects

    @property
    def is_full_admin(self) -> bool:
        """Whether it may do what admins alone may, those of some projects excepted."""
        return self.role == "admin" and self.projects is None

    def as_json(self) -> Mapping[str, str]:
        return {"principal_id": self.id, "principal_name": self.name}

    @property
    def only_project(self) -> str | None:
        """The project that a principal means when it sees a single one."""
        return next(iter(self.projects)) if self.projects and len(self.projects) == 1 else None


class Identity(Record):
    """Whom an API takes its caller for; without projects it sees all of them."""

    model_config = ConfigDict(defer_build=False)

    name: str
    role: PrincipalRole
    projects: list[str] | None = None


SYSTEM_ID = "system"
"""The id of whatever a store sees to by itself; no credential of anybody's is like it."""

LOCAL = Principal(id="local", name="local", role="admin")
"""Whoever may do everything because no credentials are asked for."""


def require_writer(principal: Principal) -> None:
    """Refuse to write for whoever may only read (Forbidden)."""
    if principal.role == "reader":
        raise Forbidden("This token may only read; ask for one that may write.")


def require_admin(principal: Principal) -> None:
    """Refuse what admins alone may do, those of some projects excepted (Forbidden)."""
    if not principal.is_full_admin:
        raise Forbidden("This takes the token of an admin who sees all projects.")


def require_full_sight(principal: Principal) -> None:
    """Refuse what tells of every project to whoever sees some (Forbidden)."""
    if principal.projects is not None:
        raise Forbidden("This takes a token that sees all projects.")
