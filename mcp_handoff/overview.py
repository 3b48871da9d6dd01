"""The overview: where a project stands, and what in it waits for whoever asks."""

from typing import Protocol

from pydantic import Field

from mcp_handoff.actors import Caller
from mcp_handoff.messages import Message
from mcp_handoff.projects import Project, ProjectName
from mcp_handoff.schema import Record, Request
from mcp_handoff.takes import HeldRole
from mcp_handoff.tickets import Ticket
from mcp_handoff.workflow import WorkRole

SHOWN = 5
"""How many tickets, takes and questions are shown of each kind."""

NAMED = 50
"""How many projects are named."""


class GetOverview(Request):
    """Look at a project as a whole, with an eye to a role's work."""

    role: WorkRole | None = None
    project: ProjectName | None = None


class Counts(Record):
    """How much there is in a project; COUNTED + 1 stands for more.

    `stages` and `priorities` count tickets, the latter open ones; `roles` those that a role has
    still to act on. `builds_under_way` are those of its tickets.
    """

    stages: dict[str, int]
    priorities: dict[str, int]
    roles: dict[str, int]
    pending_suggestions: int
    builds_under_way: int


class Overview(Record):
    """A project, and whoever asks in it: the most urgent tickets that are ready for the role, what
    the caller holds, and what waits for the role's answer.

    `projects` are the first that the caller sees, with `more_projects` not all. Of an API that
    tells no more than these the rest is not known (None). Builds are told to somebody where the
    store `has_receiver`.
    """

    me: str | None = None
    projects: list[Project]
    more_projects: bool = False
    counts: Counts | None = None
    ready: list[Ticket] = Field(default_factory=list[Ticket])
    held: list[HeldRole] = Field(default_factory=list[HeldRole])
    asked: list[Message] = Field(default_factory=list[Message])
    has_receiver: bool | None = None


class OverviewOperations(Protocol):
    """What a backend tells of a project as a whole."""

    async def get_overview(self, caller: Caller, request: GetOverview, /) -> Overview:
        """Return where a project stands; at a cost that does not grow with its tickets."""
        ...
