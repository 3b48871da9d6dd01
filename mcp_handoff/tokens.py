"""Tokens: who may come in, as what, and into which projects."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol, Self

from pydantic import Field

from mcp_handoff.actors import Caller
from mcp_handoff.events import Event
from mcp_handoff.principals import Principal, PrincipalRole
from mcp_handoff.schema import Name, Record, Request, Slug, Timestamp

_PREFIX = "mho"

SESSION_SECONDS = 7 * 24 * 3600
"""How long a browser stays signed in."""

LONGEST_GRACE = 24 * 60
"""How many minutes an old secret works beside the new one at most."""


class Token(Record):
    """A token as it is listed, with who made and who ended it: never its secret. Until
    `old_secret_until` the secret that it had before its rotation works too."""

    id: str
    name: str
    role: PrincipalRole
    projects: list[str] | None = None
    created_at: Timestamp
    expires_at: Timestamp | None = None
    revoked_at: Timestamp | None = None
    old_secret_until: Timestamp | None = None
    events: list[Event] = Field(default_factory=list[Event])


class CreateToken(Request):
    """Make a token; without projects it sees all of them, without days it does not expire."""

    name: Name
    role: PrincipalRole
    projects: Annotated[list[Slug], Field(max_length=1000)] = Field(default_factory=list[str])
    expires_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class CreatedToken(Record):
    """A token with its secret, which is shown this once."""

    token: Token
    secret: str


class ListTokens(Request):
    """List all tokens."""


class TokenList(Record):
    """All tokens, oldest first, those that were revoked too."""

    tokens: list[Token]


class RevokeToken(Request):
    """End a token, named by its id or its name."""

    token: Name


class RotateToken(Request):
    """Give a token, named by its id or its name, another secret; the old one works for so many
    minutes more."""

    token: Name
    grace_minutes: Annotated[int, Field(ge=0, le=LONGEST_GRACE)] = 0


class RevokedToken(Record):
    """The token that was ended."""

    token: Token


class TokenOperations(Protocol):
    """What a store does with the tokens of its server."""

    async def create_token(self, caller: Caller, request: CreateToken, /) -> CreatedToken:
        """Make a token. Raises AlreadyExists for a name in use, NotFound for a project."""
        ...

    async def list_tokens(self, caller: Caller, request: ListTokens, /) -> TokenList:
        """List all tokens."""
        ...

    async def rotate_token(self, caller: Caller, request: RotateToken, /) -> CreatedToken:
        """Give a token another secret: the old one and the sessions begun with it end after the
        grace, an older one at once; what the token holds stays its own. Raises NotFound."""
        ...

    async def revoke_token(self, caller: Caller, request: RevokeToken, /) -> RevokedToken:
        """End a token, at once and for good. Raises NotFound."""
        ...

    async def authenticate(self, secret: str) -> Principal | None:
        """Return whom a secret belongs to, None when it is unknown, revoked or expired."""
        ...

    async def authenticate_session(self, session: str) -> Principal | None:
        """Return whose session this is, None when it is none of ours, is over, or its token is."""
        ...

    async def has_had_tokens(self) -> bool:
        """Tell whether a token was ever made, revoked and expired ones too: a cheap read."""
        ...

    async def still_let_in(self, principals: Collection[Principal]) -> frozenset[Principal]:
        """Return those of these whose tokens are neither unknown nor revoked nor expired, and whose
        secrets were not rotated away."""
        ...


def new_secret(token_id: str) -> str:
    """Return a secret for a token; the token's id can be read off it."""
    return f"{_PREFIX}_{token_id.replace('-', '')}_{secrets.token_urlsafe(32)}"


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


@dataclass(frozen=True, slots=True)
class Session:
    """What a browser shows in place of a token's secret: whose it is, when it began (in seconds
    since 1970), and a seal that only who knew the secret can have got."""

    token_id: str
    begun: int
    seal: str

    @classmethod
    def begin(cls, secret: str, now: datetime) -> Self:
        """Return a session of whom a valid secret belongs to."""
        token_id, begun = token_id_of(secret) or "", int(now.timestamp())
        return cls(token_id, begun, _seal(digest(secret), token_id, begun))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the session that a text is, None when it is none."""
        token_id, _, rest = text.partition(".")
        begun, _, seal = rest.partition(".")
        if not (begun.isdecimal() and begun.isascii() and len(begun) < 16):
            return None
        return cls(token_id, int(begun), seal)

    def __str__(self) -> str:
        return f"{self.token_id}.{self.begun}.{self.seal}"

    def is_valid(self, kept: str, now: datetime) -> bool:
        """Tell whether it is not over and sealed with what is kept of the token's secret."""
        is_over = int(now.timestamp()) - self.begun > SESSION_SECONDS
        return not is_over and hmac.compare_digest(
            self.seal.encode(), _seal(kept, self.token_id, self.begun).encode()
        )


def _seal(kept: str, token_id: str, begun: int) -> str:
    return hmac.new(kept.encode(), f"session {token_id} {begun}".encode(), "sha256").hexdigest()


def principal_of(token: Token, shown: str) -> Principal:
    """Return whom a token stands for; `shown` is the digest of the secret that was shown."""
    projects = frozenset(token.projects) if token.projects else None
    return Principal(token.id, token.name, token.role, projects, digest=shown)


def is_valid(token: Token, now: str) -> bool:
    """Tell whether a token is neither revoked nor expired at `now` (RFC 3339, UTC)."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


def state_of(token: Token, now: str) -> str:
    """Return how a token stands at `now` (RFC 3339, UTC), as it is listed."""
    if token.revoked_at:
        return "revoked"
    if not is_valid(token, now):
        return f"expired {token.expires_at}"
    until = token.old_secret_until
    grace = f", old secret until {until}" if until and now < until else ""
    return f"expires {token.expires_at or 'never'}{grace}"


def names_of(projects: Sequence[str] | None) -> str:
    """Return how a token's projects are listed."""
    return ", ".join(projects) if projects else "all projects"
