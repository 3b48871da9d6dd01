"""What a ticket goes through: where it stands, and what taking, finishing, sending back, merging
and closing make of that.

Stages, roles and their statuses: the ticket API's documented pages "Create a handoff ticket" and
"Update a handoff ticket" (docs/rest.md); why they follow one another so: docs/decisions/work.md.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

from mcp_handoff.schema import Record

Role = Literal["frontend", "backend", "design", "devops", "qa", "other"]
WorkRole = Literal["frontend", "backend", "design", "devops", "qa", "test", "other"]
AnyRole = Literal["frontend", "backend", "design", "devops", "qa", "test", "other", "merged"]
RoleStatus = Literal["pending", "in_progress", "done", "skipped"]
Stage = Literal["backlog", "up_next", "in_progress", "validation", "live"]
Status = Literal["open", "closed"]
StatusFilter = Literal["open", "closed", "any"]

ROLES: tuple[Role, ...] = get_args(Role)
WORK_ROLES: tuple[WorkRole, ...] = get_args(WorkRole)
STAGES: tuple[Stage, ...] = get_args(Stage)
LIVE: Stage = "live"
STILL_TO_ACT: frozenset[str] = frozenset({"pending", "in_progress"})
"""How far a role is that the ticket waits for."""

MERGED = "merged"
"""The system's own role on every ticket: whether its change was merged."""

IMPLEMENTATION_ROLES = frozenset({"frontend", "backend", "design", "devops", "other"})
"""The roles that a merge finishes."""

TESTING_ROLES = frozenset({"qa", "test"})
"""The roles that begin when those that implement are through."""

ASKING: frozenset[str] = frozenset({"clarification_needed", "decision_needed"})
"""The kinds of tickets that nothing is merged for."""


class TicketRole(Record):
    """A role on a ticket, and how far it is."""

    role: str
    status: RoleStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a ticket stands: its stage, and how far each of its roles is."""

    stage: Stage
    roles: Mapping[str, RoleStatus]

    @classmethod
    def of(cls, stage: Stage, roles: Iterable[TicketRole]) -> Self:
        """Return where a ticket with these roles stands."""
        return cls(stage, {one.role: one.status for one in roles})

    @property
    def status(self) -> Status:
        return "closed" if self.stage == LIVE else "open"

    @property
    def open_roles(self) -> list[str]:
        """The roles that have still to act, `merged` among them."""
        return [role for role, status in self.roles.items() if status in STILL_TO_ACT]

    @property
    def roles_to_finish(self) -> list[str]:
        """The roles that have still to act before it can be closed as completed."""
        return [role for role in self.open_roles if role != MERGED]

    def roles_before(self, role: str) -> list[str]:
        """Return whose work comes before a role's: those that implement before one that tests."""
        if role not in TESTING_ROLES:
            return []
        return [one for one in self.open_roles if one in IMPLEMENTATION_ROLES]

    def is_clear_for(self, role: str) -> bool:
        """Tell whether nobody else's work on this ticket comes before a role's: it is open, the
        role has still to act, and one that tests waits for those that implement."""
        if self.status == "closed" or role == MERGED or role not in self.open_roles:
            return False
        return not self.roles_before(role)


def stages_of(status: StatusFilter, named: Collection[Stage]) -> list[Stage]:
    """Return the stages of tickets with this status, those alone that are named if any are: a
    closed ticket is live, an open one is not."""
    return [
        stage
        for stage in STAGES
        if (not named or stage in named)
        and status in ("any", "closed" if stage == LIVE else "open")
    ]


def add_roles(standing: Standing, added: Collection[str]) -> Standing:
    """Return where a ticket stands once further roles have to act on it: behind those that it was
    filed for, and before `merged`."""
    roles: dict[str, RoleStatus] = {**standing.roles}
    merged: dict[str, RoleStatus] = {MERGED: roles.pop(MERGED)} if MERGED in roles else {}
    new: dict[str, RoleStatus] = {role: "pending" for role in added if role not in roles}
    return Standing(standing.stage, {**roles, **new, **merged})


def take(standing: Standing, role: str) -> Standing:
    """Return where a ticket stands once somebody has begun a role's work: in progress, or still in
    validation when it is a tester who begins there."""
    tests = role in TESTING_ROLES and standing.stage == "validation"
    return Standing(
        standing.stage if tests else "in_progress", {**standing.roles, role: "in_progress"}
    )


def finish(
    standing: Standing, role: str, status: Literal["done", "skipped"], request_type: str | None
) -> Standing:
    """Return where a ticket stands once a role is done or left out.

    With the last role that implements it is in validation, with the last of all live. On a ticket
    that asks for something, `merged` is skipped when the last named role is through.
    """
    roles: dict[str, RoleStatus] = {**standing.roles, role: status}
    after = Standing(standing.stage, roles)
    if request_type in ASKING and after.open_roles == [MERGED]:
        after = Standing(standing.stage, {**roles, MERGED: "skipped"})
    if not after.open_roles:
        return Standing(LIVE, after.roles)
    if IMPLEMENTATION_ROLES.intersection(after.open_roles):
        return after
    return Standing(_later(standing.stage, "validation"), after.roles)


def give_back(standing: Standing, role: str) -> Standing:
    """Return where a ticket stands once a role's work was given back unfinished: its stage stays,
    for what was begun is not undone."""
    return Standing(standing.stage, {**standing.roles, role: "pending"})


def send_back(standing: Standing, role: str) -> Standing:
    """Return where a ticket stands once a role that was through has to act again: in progress, and
    open. What a role implements again is merged and tested again."""
    roles: dict[str, RoleStatus] = {**standing.roles, role: "pending"}
    if role in IMPLEMENTATION_ROLES:
        again = {*TESTING_ROLES, MERGED}
        roles |= {name: "pending" for name in again if roles.get(name) == "done"}
    return Standing("in_progress", roles)


def close(standing: Standing) -> Standing:
    """Return where a ticket stands once it was closed by hand: what was open is skipped."""
    skipped: dict[str, RoleStatus] = dict.fromkeys(standing.open_roles, "skipped")
    return Standing(LIVE, {**standing.roles, **skipped})


def merge(standing: Standing) -> Standing:
    """Return where a ticket stands once its change was merged.

    `merged` and the open implementation roles are done; qa and test are left alone. The ticket is
    live when no role is left open, else in validation; a stage never moves backward, and a ticket
    that is live already is not changed.
    """
    if standing.status == "closed":
        return standing
    done: dict[str, RoleStatus] = {
        role: "done"
        for role in standing.open_roles
        if role == MERGED or role in IMPLEMENTATION_ROLES
    }
    after = Standing(standing.stage, {**standing.roles, **done})
    reached: Stage = "validation" if after.open_roles else LIVE
    return Standing(_later(standing.stage, reached), after.roles)


def take_back(standing: Standing, finished: Collection[str]) -> Standing:
    """Return where a ticket stands once its merged change was taken back: in progress, and open.

    The roles that the merge `finished` have to act again, or where it finished none those that had
    implemented it; what was done is tested and merged again.
    """
    done = {role for role, status in standing.roles.items() if status == "done"}
    implemented = done & IMPLEMENTATION_ROLES
    again = (implemented & {*finished} or implemented) | (done & TESTING_ROLES)
    pending: dict[str, RoleStatus] = dict.fromkeys(again, "pending")
    return Standing("in_progress", {**standing.roles, **pending, MERGED: "pending"})


def _later(one: Stage, other: Stage) -> Stage:
    return STAGES[max(STAGES.index(one), STAGES.index(other))]
