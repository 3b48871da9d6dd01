"""What a ticket goes through: its stages, its roles, and what a merge does to both.

Stages, roles and their statuses: the ticket API's documented page "Create a handoff ticket"
(docs/rest.md).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from mcp_handoff.schema import Record

Role = Literal["frontend", "backend", "design", "devops", "qa", "other"]
RoleFilter = Literal["frontend", "backend", "design", "devops", "qa", "other", "merged"]
RoleStatus = Literal["pending", "in_progress", "done", "skipped"]
Stage = Literal["backlog", "up_next", "in_progress", "validation", "live"]
Status = Literal["open", "closed"]
StatusFilter = Literal["open", "closed", "any"]

ROLES: tuple[Role, ...] = get_args(Role)
STAGES: tuple[Stage, ...] = get_args(Stage)
LIVE: Stage = "live"
STILL_TO_ACT: frozenset[str] = frozenset({"pending", "in_progress"})
"""How far a role is that the ticket waits for."""

MERGED = "merged"
"""The system's own role on every ticket: whether its change was merged."""

IMPLEMENTATION_ROLES = frozenset({"frontend", "backend", "design", "devops", "other"})
"""The roles that a merge finishes; qa and test are left to those who test."""


class TicketRole(Record):
    """A role on a ticket, and how far it is."""

    role: str
    status: RoleStatus


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge changes on a ticket."""

    roles_marked_done: list[str]
    stage: Stage

    @property
    def closes(self) -> bool:
        return self.stage == "live"


def stages_of(status: StatusFilter, named: Collection[Stage]) -> list[Stage]:
    """Return the stages of tickets with this status, those alone that are named if any are: a
    closed ticket is live, an open one is not."""
    return [
        stage
        for stage in STAGES
        if (not named or stage in named)
        and status in ("any", "closed" if stage == LIVE else "open")
    ]


def merge(roles: Mapping[str, str], stage: Stage) -> Merge:
    """Return what a merge changes on a ticket with these roles (name to status) in this stage.

    `merged` and the open implementation roles are done; qa and test are left alone. The ticket is
    live when no role is left open, else in validation; a stage never moves backward, and a ticket
    that is live already is not changed.
    """
    if stage == "live":
        return Merge([], stage)
    unfinished = [role for role, status in roles.items() if status in STILL_TO_ACT]
    done = [role for role in unfinished if role == MERGED or role in IMPLEMENTATION_ROLES]
    left = [role for role in unfinished if role not in done]
    reached: Stage = "validation" if left else "live"
    return Merge(done, STAGES[max(STAGES.index(stage), STAGES.index(reached))])
