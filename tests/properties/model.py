"""The desk as its rules are written, in memory: what every store must answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from mcp_handoff.receivers import NOBODY

ResultT = TypeVar("ResultT")
Fields = dict[str, Any]

REPEAT = timedelta(minutes=10)
LIFETIME = timedelta(days=14)
LEFT_BY_A_MERGE = {"qa", "test"}


class Refused(Exception):
    """A call that changes nothing, with the code and the state that its caller is told."""


def stamp(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000Z"


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
    events: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    @property
    def reference(self) -> str:
        return f"HO-{self.number}-{self.project}"

    @property
    def status(self) -> str:
        return "closed" if self.stage == "live" else "open"

    def summary(self) -> Fields:
        own = {name: getattr(self, name) for name in ("reference", "number", "status", "stage")}
        said = {name: self.content[name] for name in ("title", "request_type", "priority")}
        roles = [{"role": role, "status": status} for role, status in self.roles.items()]
        times = {"created_at": stamp(self.filed), "updated_at": stamp(self.updated)}
        return {**own, **said, **times, "roles": roles, "actor_id": self.actor}

    def whole(self) -> Fields:
        when = stamp(self.closed) if self.closed else None
        ending = {"resolution_type": "completed" if when else None, "resolved_at": when}
        return {**self.content, **self.summary(), **ending, "merge_sha": self.merge_sha}


@dataclass(eq=False)
class Build:
    """A build and the run that made it."""

    ticket: Ticket
    run: Fields
    updated: datetime
    id: str = ""
    said: Fields = field(default_factory=lambda: {"description": None, "metadata": None})

    def view(self) -> Fields:
        fixed = {"status": "queued", "source_type": "ticket", "source_id": self.ticket.id}
        return {"is_active": True, **self.said, **fixed, "updated_at": stamp(self.updated)}


@dataclass(eq=False)
class Suggestion:
    """A proposal to close; why it was skipped is for the store to say."""

    ticket: Ticket
    said: Fields
    made: datetime
    id: str = ""
    settled: str | None = None
    reason: str | None = None

    def status(self, now: datetime) -> str:
        return self.settled or ("expired" if now - self.made >= LIFETIME else "pending")

    def view(self, now: datetime) -> Fields:
        reason = {} if self.settled == "skipped" else {"reason": self.reason}
        return {**self.said, **reason, "ticket_id": self.ticket.id, "status": self.status(now)}


def is_same_change(one: Fields, other: Fields) -> bool:
    """Tell whether two proposals name one commit, whole or abbreviated, or one pull request of
    what may be one repository."""
    mine, others = one["merge_sha"], other["merge_sha"]
    if mine and others and (mine.startswith(others) or others.startswith(mine)):
        return True
    numbers, repos = ({said[name] for said in (one, other)} for name in ("pr_number", "repo"))
    return len(numbers - {None}) == len(numbers) == 1 and len(repos - {None}) < 2


class Desk:
    """All tickets, builds and suggestions, oldest first; a call returns the thing that it is about
    and what is told of it."""

    def __init__(self, clock: Callable[[], datetime], bots: set[str]) -> None:
        self._clock = clock
        self._bots = bots
        self._kept: dict[tuple[str, str, str], tuple[Fields, Any]] = {}
        self.tickets: list[Ticket] = []
        self.builds: list[Build] = []
        self.suggestions: list[Suggestion] = []

    def once(
        self, actor: str, kind: str, key: str | None, sent: Fields, effect: Callable[[], ResultT]
    ) -> ResultT:
        """Return what `effect` returned when this key first came; nothing is kept of a refusal."""
        if key is None:
            return effect()
        name = (actor, kind, key)
        if name not in self._kept:
            self._kept[name] = (sent, effect())
        first, result = self._kept[name]
        if first != sent:
            raise Refused("IDEMPOTENCY_KEY_REUSED", None)
        return result

    def create(
        self, actor: str, project: str, content: Fields, roles: list[str], *, keyed: bool
    ) -> tuple[Ticket, Fields]:
        if actor in self._bots and not roles:
            raise Refused("ROLES_REQUIRED", None)
        named = dict.fromkeys([*roles, "merged"], "pending")
        mine = [ticket for ticket in self.tickets if ticket.project == project]
        for ticket in reversed([] if keyed else mine):
            same = (ticket.actor, ticket.content) == (actor, content)
            recent = ticket.status == "open" and self._clock() - ticket.filed <= REPEAT
            if same and recent and set(ticket.roles) == set(named):
                return ticket, {**ticket.summary(), "deduplicated": True}
        ticket = Ticket(project, len(mine) + 1, actor, content, named, self._clock(), self._clock())
        self.tickets.append(ticket)
        self._remember(ticket, "ticket.created", actor)
        return ticket, {**ticket.summary(), "deduplicated": False}

    def trigger(self, actor: str, ticket: Ticket, asked: Fields) -> tuple[Build, Fields]:
        if ticket.status == "closed":
            raise Refused("TICKET_CLOSED", None)
        # No run ends in this story, so a ticket never has a second one.
        known = [build for build in self.builds if build.ticket is ticket]
        if not known:
            proved = {"principal_id": "local", "principal_name": "local"}
            by = {"requested_by": actor, "requested_at": stamp(self._clock()), **proved}
            due = {"attempts": 0, "next_attempt_at": None, "last_error": NOBODY}
            run = {**asked, **by, **due, "dispatched_at": None, "status": "queued", "url": None}
            known = [Build(ticket, run, self._clock())]
            self.builds += known
            ticket.updated = self._clock()
            self._remember(ticket, "build.triggered", actor)
        return known[0], {**ticket.summary(), "ai_output": {"build_run": known[0].run}}

    def update(self, actor: str, build: Build, changes: Fields) -> tuple[Build, Fields]:
        if None in (changes.get("display_name", ""), changes.get("is_active", True)):
            raise Refused("VALIDATION_ERROR", None)
        if changes:
            build.said |= changes
            build.updated = self._clock()
            self._remember(build.ticket, "build.updated", actor)
        return build, build.view()

    def suggest(self, actor: str, ticket: Ticket, said: Fields) -> tuple[Suggestion, Fields]:
        if ticket.status == "closed":
            raise Refused("TICKET_CLOSED", None)
        now = self._clock()
        for pending in self._pending(ticket):
            if is_same_change(pending.said, said):
                return pending, pending.view(now)
        suggestion = Suggestion(ticket, said, now)
        self.suggestions.append(suggestion)
        self._remember(ticket, "suggestion.created", actor)
        return suggestion, suggestion.view(now)

    def act(
        self, actor: str, suggestion: Suggestion, action: str, reason: str | None
    ) -> tuple[Suggestion, Fields]:
        status = suggestion.status(self._clock())
        if status != "pending":
            raise Refused("SUGGESTION_NOT_PENDING", status)
        ticket, suggestion.reason = suggestion.ticket, reason
        suggestion.settled = "executed" if action == "execute" else "declined"
        self._remember(ticket, f"suggestion.{suggestion.settled}", actor)
        applied = self._merge(suggestion) if suggestion.settled == "executed" else None
        for other in self._pending(ticket) if ticket.status == "closed" else ():
            other.settled = "skipped"
            self._remember(ticket, "suggestion.skipped", actor)
        return suggestion, {**suggestion.view(self._clock()), "apply_result": applied}

    def _pending(self, ticket: Ticket) -> list[Suggestion]:
        made = [one for one in self.suggestions if one.ticket is ticket]
        return [one for one in made if one.status(self._clock()) == "pending"]

    def _merge(self, suggestion: Suggestion) -> Fields:
        ticket = suggestion.ticket
        left = [role for role, status in ticket.roles.items() if status == "pending"]
        done = [role for role in left if role not in LEFT_BY_A_MERGE]
        if ticket.stage != "live":
            ticket.roles |= dict.fromkeys(done, "done")
            ticket.merge_sha = suggestion.said["merge_sha"] or ticket.merge_sha
            ticket.updated = self._clock()
            ticket.stage = "live" if done == left else "validation"
            ticket.closed = self._clock() if done == left else None
        return {"merged": True, "new_stage": ticket.stage, "roles_marked_done": done}

    def _remember(self, ticket: Ticket, kind: str, actor: str) -> None:
        ticket.events.append((kind, actor, stamp(self._clock())))
