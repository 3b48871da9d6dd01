"""Takes: who holds a role of a ticket, for how long, and who may take it over."""

from typing import Annotated, Protocol

from pydantic import Field

from mcp_handoff.actors import Caller
from mcp_handoff.errors import TakenOver, TicketTaken
from mcp_handoff.events import author
from mcp_handoff.principals import LOCAL
from mcp_handoff.projects import ProjectName
from mcp_handoff.schema import WHOLE, Record, Request, Timestamp
from mcp_handoff.text.characters import shortened, visible

ME, NOBODY, ANYONE = "me", "nobody", "anyone"
"""Whom a list of tickets is asked for, beside those who hold something by their names."""

REASON_SHOWN = 200
"""How much of a reason is repeated to those who are refused."""

MOST_TAKES = 500
"""How many takes of a project are listed at most."""

Fence = Annotated[int, Field(ge=1, le=2**31), WHOLE]
"""Grows by one with each taking of a role: an older one is no longer its holder's."""


class Take(Record):
    """Who holds a role of a ticket.

    It is over at `until` (None: never, as a person's; or it is parked) and stale from then on:
    still the holder's, and offered again.
    """

    role: str
    fence: int
    actor_role: str
    actor_id: str | None = None
    principal_id: str | None = None
    principal_name: str | None = None
    taken_at: Timestamp
    until: Timestamp | None = None
    stale: bool = False
    parked: str | None = None
    note: str | None = None

    @property
    def holder(self) -> str:
        """Who holds it, as it said and as it proved."""
        return author(self.actor_role, self.actor_id, self.principal_id, self.principal_name)


class HeldRole(Record):
    """A role that somebody holds, and on which ticket."""

    ticket: str
    title: str
    take: Take


class ListTakes(Request):
    """List who holds what in a project."""

    project: ProjectName | None = None


class TakeList(Record):
    """The roles that are held, the most urgent tickets first: MOST_TAKES at most, with `more` not
    all."""

    takes: list[HeldRole]
    more: bool = False


class TakeOperations(Protocol):
    """What a store tells of takes."""

    async def list_takes(self, caller: Caller, request: ListTakes, /) -> TakeList:
        """List who holds what in a project. Raises NotFound."""
        ...


Holder = tuple[str, str]
"""Whose credential holds something, and in which session of its."""


def holder_of(caller: Caller) -> Holder:
    """Return as whom a caller holds what it takes."""
    return caller.owner, caller.session


def may_take_over_live(caller: Caller) -> bool:
    """Tell whether a caller may take what another one still works on: an admin may; where no
    credentials are asked for, a person."""
    principal = caller.principal
    return principal.role == "admin" and (principal is not LOCAL or caller.actor.role == "user")


def taken(name: str, take: Take, *, namesake: bool) -> TicketTaken:
    """Return the error of acting on a role that somebody else holds."""
    told = f"{take.role} of {name} was taken at {take.taken_at} by {take.holder}"
    if namesake:
        told += ", in another session of that name; if that was you, pass the fence that you got"
    if take.parked:
        told += f", parked: {_quoted(take.parked)}"
    if take.stale:
        return TicketTaken(
            f"{told}, and is stale since {take.until}: take it with take_over.",
            state="stale",
        )
    return TicketTaken(f"{told}. Take another ticket, or ask with a message.", state="taken")


def taken_over(name: str, take: Take) -> TakenOver:
    """Return the error of whoever held a role until another took it over."""
    why = f": {_quoted(take.note)}" if take.note else ""
    return TakenOver(
        f"{take.role} of {name} was taken over by {take.holder} at {take.taken_at}{why}. Nothing"
        " was changed; leave it to them, or tell them what you know with a message.",
        state="taken over",
    )


def _quoted(text: str) -> str:
    shown = visible(text).replace('"', "'")
    return f'"{shortened(shown, REASON_SHOWN)}"'
