"""A ticket as its rules are written, in memory: its roles, who holds them, what it waits for."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Fields = dict[str, Any]

STAGES = ("backlog", "up_next", "in_progress", "validation", "live")
PRIORITIES = ("high", "medium", "low")
OPEN = ("pending", "in_progress")
TESTING = {"qa", "test"}
ASKING = {"clarification_needed", "decision_needed"}
FINISHED = {"completed", "already_done"}


class Refused(Exception):
    """A call that changes nothing, with the code and the state that its caller is told."""


def stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000Z"


@dataclass
class Take:
    """Who holds a role, or held it last; `former` is from whom that one took it over."""

    holder: str
    fence: int
    former: str | None = None
    held: bool = True


@dataclass(eq=False)
class Ticket:
    """A ticket; its id is learnt from the store, as the others' are."""

    project: str
    number: int
    actor: str
    content: Fields
    roles: dict[str, str]
    filed: datetime
    updated: datetime
    id: str = ""
    stage: str = "backlog"
    merge_sha: str | None = None
    closed: datetime | None = None
    resolution: str | None = None
    note: str | None = None
    takes: dict[str, Take] = field(default_factory=dict[str, Take])
    blockers: list["Ticket"] = field(default_factory=list["Ticket"])
    thread: list[str] = field(default_factory=list[str])
    events: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    @property
    def reference(self) -> str:
        return f"HO-{self.number}-{self.project}"

    @property
    def status(self) -> str:
        return "closed" if self.stage == "live" else "open"

    @property
    def left(self) -> list[str]:
        """The roles that have still to act."""
        return [role for role, status in self.roles.items() if status in OPEN]

    @property
    def held(self) -> dict[str, Take]:
        """The takes that are not over."""
        return {role: take for role, take in self.takes.items() if take.held}

    @property
    def urgency(self) -> tuple[bool, int, int]:
        """What comes first among those that are ready: the smallest."""
        priority = PRIORITIES.index(self.content["priority"])
        return not self.content["blocking"], priority, self.number

    def summary(self) -> Fields:
        own = {name: getattr(self, name) for name in ("reference", "number", "status", "stage")}
        said = {name: self.content[name] for name in ("title", "request_type", "priority")}
        roles = [{"role": role, "status": status} for role, status in self.roles.items()]
        times = {"created_at": stamp(self.filed), "updated_at": stamp(self.updated)}
        return {**own, **said, **times, "roles": roles, "actor_id": self.actor}

    def whole(self) -> Fields:
        when = stamp(self.closed) if self.closed else None
        ending = {"resolution_type": self.resolution, "resolution_note": self.note}
        done = {**ending, "resolved_at": when, "merge_sha": self.merge_sha}
        return {**self.content, **self.summary(), **done}

    def above(self) -> set["Ticket"]:
        """Return this ticket and all that it waits for, or would if they were open."""
        found, new = set["Ticket"](), {self}
        while new:
            found |= new
            new = {blocker for one in new for blocker in one.blockers} - found
        return found

    def is_blocked(self) -> bool:
        return any(one.status == "open" for one in self.blockers)

    def is_ready_for(self, role: str) -> bool:
        """Tell whether a role, which nobody holds, can begin."""
        clear = self.status == "open" and not self.is_blocked()
        return clear and self.roles.get(role) == "pending" and self._is_testable_by(role)

    def _is_testable_by(self, role: str) -> bool:
        return role not in TESTING or {*self.left} <= {*TESTING, "merged"}

    def require_open(self) -> None:
        if self.status == "closed":
            raise Refused("TICKET_CLOSED", None)

    def require_role(self, role: str) -> str:
        """Return how far a role is."""
        if role not in self.roles:
            raise Refused("NOT_FOUND", None)
        return self.roles[role]

    def hold(self, actor: str, role: str) -> None:
        """Have somebody begin a role's work."""
        last = self.takes.get(role, Take("", 0, held=False))
        self.takes[role] = Take(actor, last.fence + 1, last.holder if last.held else None)
        self.roles[role] = "in_progress"
        if role not in TESTING or self.stage != "validation":
            self.stage = "in_progress"

    def turn(self, actor: str, role: str, status: str) -> None:
        """Begin a role's work, finish it, leave it out, give it back or send it back."""
        was, take = self.require_role(role), self.held.get(role)
        if take and take.holder != actor:
            over = take.former == actor
            raise Refused(*(("TAKEN_OVER", "taken over") if over else ("TICKET_TAKEN", "taken")))
        if status == was:
            return
        if status != "pending":
            self.require_open()
        if status == "in_progress":
            if was not in OPEN:
                self._send_back(role)
            self.hold(actor, role)
        elif status == "pending" and was in OPEN:
            self.roles[role] = "pending"
        elif status == "pending":
            mine = [one for one, take in self.held.items() if take.holder == actor]
            self.roles |= dict.fromkeys(TESTING.intersection(mine), "pending")
            self._send_back(role)
        else:
            self._finish(role, status)

    def _finish(self, role: str, status: str) -> None:
        self.roles[role] = status
        if self.content["request_type"] in ASKING and self.left == ["merged"]:
            self.roles["merged"] = "skipped"
        if not self.left:
            self.stage = "live"
        elif {*self.left} <= {*TESTING, "merged"}:
            self.stage = max(self.stage, "validation", key=STAGES.index)

    def _send_back(self, role: str) -> None:
        self.roles[role] = "pending"
        if role not in {*TESTING, "merged"}:
            again = [one for one in (*TESTING, "merged") if self.roles.get(one) == "done"]
            self.roles |= dict.fromkeys(again, "pending")
        self.stage = "in_progress"

    def close(self, resolution: str) -> None:
        """Close it by hand."""
        self.require_open()
        if resolution in FINISHED and self.left not in ([], ["merged"]):
            raise Refused("ROLES_INCOMPLETE", None)
        self.roles |= dict.fromkeys(self.left, "skipped")
        self.stage = "live"

    def merge(self) -> list[str]:
        """Do what the merge of its change does; return the roles that are done with it."""
        if self.status == "closed":
            return []
        done = [role for role in self.left if role not in TESTING]
        self.roles |= dict.fromkeys(done, "done")
        self.stage = "validation" if self.left else "live"
        return done

    def end_takes(self) -> None:
        """End the takes of those roles that nobody works on any more."""
        for role, take in self.takes.items():
            take.held = take.held and self.roles[role] == "in_progress"
