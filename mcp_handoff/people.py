"""People: who works in a project, people and bots, on what, and when they were last heard of."""

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import Field

from mcp_handoff.actors import Caller
from mcp_handoff.events import author
from mcp_handoff.projects import ProjectName
from mcp_handoff.schema import Record, Request, Timestamp
from mcp_handoff.takes import HeldRole
from mcp_handoff.workflow import WORK_ROLES

SEEN_DAYS = 7
"""For how many days somebody is listed who holds nothing."""

MOST_PEOPLE = 500
"""How many are listed at most who were heard of."""

LOOKED_THROUGH = 20_000
"""How many of a project's newest events are looked through for who was heard of."""

MOST_FINISHED = 5_000
"""Of how many events the roles are counted at most that were finished by them."""


class Person(Record):
    """Somebody who works in a project, as it said and as it proved.

    `last_seen` is when it last did something to a ticket, `done` how many roles it finished, both
    within SEEN_DAYS; `held` is what it holds.
    """

    actor_role: str
    actor_id: str | None = None
    principal_id: str | None = None
    principal_name: str | None = None
    last_seen: Timestamp | None = None
    done: int = 0
    held: list[HeldRole] = Field(default_factory=list[HeldRole])

    @property
    def name(self) -> str:
        """Who it is, on one line."""
        return author(self.actor_role, self.actor_id, self.principal_id, self.principal_name)


class ListPeople(Request):
    """List who works in a project."""

    project: ProjectName | None = None


class PersonList(Record):
    """Those who did something to a ticket within SEEN_DAYS, the last one first, then the others who
    hold a role; with `more` not all, or not all that they did, for there is too much of it."""

    people: list[Person]
    more: bool = False


class PersonOperations(Protocol):
    """What a store tells of people."""

    async def list_people(self, caller: Caller, request: ListPeople, /) -> PersonList:
        """List who works in a project, as its tickets and their events show it to whoever sees
        them; not what a store does by itself, or for a forge. Raises NotFound."""
        ...


def count_finished(after: Mapping[str, Any]) -> int:
    """Return how many roles were finished by a change of a ticket, which left this in history."""
    roles: Mapping[str, Any] = after.get("roles") or {}
    return sum(roles.get(role) == "done" for role in WORK_ROLES)
