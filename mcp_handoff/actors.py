"""Who acts: what was proved, what is claimed, and where by default."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pydantic import Field

from mcp_handoff.principals import LOCAL, SYSTEM_ID, Principal
from mcp_handoff.proofs import LENIENT, Policy
from mcp_handoff.schema import Name, Request
from mcp_handoff.text.characters import shortened, visible
from mcp_handoff.text.masking import mask

ActorRole = Literal["bot", "user"]

BOT: ActorRole = "bot"

NAME_LENGTH = 200
"""How much of a client's name is kept."""

TAKE_MINUTES = 240
"""How long a bot holds what it took after its last call on the ticket, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: its role, the door it came in by, and its own id where known."""

    role: ActorRole
    source: str
    id: str | None = None

    def as_json(self) -> Mapping[str, str | None]:
        return {"actor_role": self.role, "actor_id": self.id, "source": self.source}


class Claim(Request):
    """Whom a caller says it is, where a door lets it say so. No part of what it asks for."""

    actor_role: ActorRole | None = Field(default=None, exclude=True)
    actor_id: Name | None = Field(default=None, exclude=True)
    source: Name | None = Field(default=None, exclude=True)


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor, who it was proved to be, and the project and organization that it means when it
    names none; `session` tells processes apart that share one credential.

    `take_minutes` is how long a bot holds what it took after its last call, 0 for ever; `policy`
    what its server asks for in every project before a suggestion is executed.
    """

    actor: Actor
    project: str = "default"
    organization: str = "default"
    principal: Principal = LOCAL
    session: str = ""
    take_minutes: int = TAKE_MINUTES
    policy: Policy = LENIENT

    @property
    def owner(self) -> str:
        """Whose idempotency keys these are, and whose equal creates are one: the credential's.

        Names decide only among those who show none, the agents on this machine.
        """
        if self.principal is not LOCAL:
            return self.principal.id
        return f"{self.actor.role}:{self.actor.id or ''}"


def bot(name: str | None) -> Actor:
    """Return the actor of every call that comes in through MCP; its id is one visible line."""
    if name is not None and len(name) > NAME_LENGTH:
        return Actor(BOT, "bot", _shown(name))
    return _known_bot(name)


@lru_cache(maxsize=1_024)
def _known_bot(name: str | None) -> Actor:
    """Return the actor of a name that may come with each of many calls."""
    return Actor(BOT, "bot", _shown(name) if name else None)


def _shown(name: str) -> str:
    return shortened(mask(visible(name)), NAME_LENGTH)


def system(work: str) -> Caller:
    """Return who does what a store sees to by itself."""
    return Caller(Actor(BOT, "system", work), principal=Principal(SYSTEM_ID, work, BOT))


def forge(name: str, repository: str, policy: Policy) -> Caller:
    """Return who does what arises from a repository, as its forge told a server of this policy."""
    principal = Principal(SYSTEM_ID, name, BOT)
    return Caller(Actor(BOT, name, repository), principal=principal, policy=policy)


def stamped(actor: Actor, principal: Principal, claim: Claim | None) -> Actor:
    """Return who acts: `actor` as its door knows it, by the name of its credential.

    What it claims counts before both, unless it comes with a bot's token: that is a bot whatever
    it says.
    """
    if principal.role == "bot" and actor.role != BOT:
        return bot(principal.name)
    if principal is not LOCAL or actor.id is None:
        actor = replace(actor, id=principal.name)
    if claim is None or principal.role == "bot":
        return actor
    return Actor(
        role=claim.actor_role or actor.role,
        source=claim.source or actor.source,
        id=claim.actor_id or actor.id,
    )
