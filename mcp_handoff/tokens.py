"""Tokens: who may come in, as what, and into which projects."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from mcp_handoff.ids import new_id
from mcp_handoff.schema import Name, Record, Request, Slug, Timestamp

TokenRole = Literal["bot", "user", "admin"]

_PREFIX = "mho"


class Token(Record):
    """A token as it is listed: never its secret."""

    id: str
    name: str
    role: TokenRole
    projects: list[str] | None = None
    created_at: Timestamp
    expires_at: Timestamp | None = None
    revoked_at: Timestamp | None = None


class CreateToken(Request):
    """Make a token; without projects it sees all of them, without days it does not expire."""

    name: Name
    role: TokenRole
    projects: list[Slug] = Field(default_factory=list[str])
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class CreatedToken(Record):
    """A token with its secret, which is shown this once."""

    token: Token
    secret: str


class RevokeToken(Request):
    """End a token, named by its id or its name."""

    token: Name


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request was proved to come from.

    `id` tells one credential from every other; `projects` is None for all of them.
    """

    id: str
    name: str
    role: TokenRole
    projects: frozenset[str] | None = None
    may_write: bool = True

    @property
    def only_project(self) -> str | None:
        """The project that a principal means when it sees a single one."""
        return next(iter(self.projects)) if self.projects and len(self.projects) == 1 else None


class Identity(Record):
    """Whom an API takes its caller for; without projects it sees all of them."""

    model_config = ConfigDict(defer_build=False)

    name: str
    role: TokenRole
    projects: list[str] | None = None


LOCAL = Principal(id="local", name="local", role="admin")
"""Whoever reaches a server on loopback that has no tokens."""


def new_secret() -> tuple[str, str]:
    """Return the id and the secret of a new token; the id can be read off the secret."""
    token_id = new_id()
    return token_id, f"{_PREFIX}_{token_id.replace('-', '')}_{secrets.token_urlsafe(32)}"


def token_id_of(secret: str) -> str | None:
    """Return the id of the token that a secret claims to be, None when it is no secret of ours."""
    prefix, _, rest = secret.partition("_")
    digits, _, key = rest.partition("_")
    if prefix != _PREFIX or len(digits) != 32 or not key:
        return None
    return "-".join(
        digits[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    )


def digest(secret: str) -> str:
    """Return what is kept of a secret: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, kept: str) -> bool:
    """Compare a secret with what was kept of one, in constant time."""
    return hmac.compare_digest(digest(secret), kept)


def principal_of(token: Token) -> Principal:
    """Return whom a token stands for."""
    projects = frozenset(token.projects) if token.projects else None
    return Principal(token.id, token.name, token.role, projects)


def is_valid(token: Token, now: str) -> bool:
    """Tell whether a token is neither revoked nor expired at `now` (RFC 3339, UTC)."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def names_of(projects: Sequence[str] | None) -> str:
    """Return how a token's projects are listed."""
    return ", ".join(projects) if projects else "all projects"
