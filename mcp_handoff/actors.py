"""Who acts, and where by default."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mcp_handoff.text import shortened, visible

ActorRole = Literal["bot", "user"]

BOT: ActorRole = "bot"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: its role, the door it came in by, and its own id where known."""

    role: ActorRole
    source: str
    id: str | None = None

    @property
    def principal(self) -> str:
        """Whose idempotency keys these are."""
        return f"{self.role}:{self.id or ''}"

    def as_json(self) -> Mapping[str, str | None]:
        return {"actor_role": self.role, "actor_id": self.id, "source": self.source}


@dataclass(frozen=True, slots=True)
class Caller:
    """An actor, the project and organization that it means when it names none, and the slugs of
    the only projects that it may see (None: all of them)."""

    actor: Actor
    project: str = "default"
    organization: str = "default"
    projects: frozenset[str] | None = None

    def may_see(self, slug: str) -> bool:
        return self.projects is None or slug in self.projects


def bot(name: str | None) -> Actor:
    """Return the actor of every call that comes in through MCP; its id is one visible line."""
    return Actor(role=BOT, source="bot", id=shortened(visible(name), 200) if name else None)
