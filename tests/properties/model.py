"""The desk as its rules are written, in memory: what every store must answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from mcp_handoff.receivers import NOBODY
from tests.properties.ticket_model import OPEN, Fields, Refused, Ticket, stamp

ResultT = TypeVar("ResultT")

REPEAT = timedelta(minutes=10)
LIFETIME = timedelta(days=14)


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
        applied = self._merge(actor, suggestion) if suggestion.settled == "executed" else None
        self._remember(ticket, f"suggestion.{suggestion.settled}", actor)
        if ticket.status == "closed":
            self._skip_pending(actor, ticket)
        return suggestion, {**suggestion.view(self._clock()), "apply_result": applied}

    def _pending(self, ticket: Ticket) -> list[Suggestion]:
        made = [one for one in self.suggestions if one.ticket is ticket]
        return [one for one in made if one.status(self._clock()) == "pending"]

    def _skip_pending(self, actor: str, ticket: Ticket) -> None:
        for other in self._pending(ticket):
            other.settled = "skipped"
            self._remember(ticket, "suggestion.skipped", actor)

    def _merge(self, actor: str, suggestion: Suggestion) -> Fields:
        ticket, was = suggestion.ticket, suggestion.ticket.status
        done = ticket.merge()
        if was == "open":
            ticket.merge_sha = suggestion.said["merge_sha"] or ticket.merge_sha
            self._move(actor, ticket, was, "completed", None)
        merged = ticket.roles["merged"] == "done"
        return {"merged": merged, "new_stage": ticket.stage, "roles_marked_done": done}

    def ready(self, project: str, role: str) -> list[Ticket]:
        """Return what can be begun for a role, the most urgent first."""
        mine = [ticket for ticket in self.tickets if ticket.project == project]
        ready = [ticket for ticket in mine if ticket.is_ready_for(role)]
        return sorted(ready, key=lambda ticket: ticket.urgency)

    def take(
        self, actor: str, project: str, role: str, ticket: Ticket | None, *, take_over: bool
    ) -> tuple[Ticket, Fields]:
        found = ticket or next(iter(self.ready(project, role)), None)
        if found is None:
            raise Refused("NOT_FOUND", None)
        found.require_open()
        status = found.require_role(role)
        if status not in OPEN:
            raise Refused("TICKET_TAKEN", status)
        held = found.held.get(role)
        already = held is not None and held.holder == actor
        # Where nobody shows a credential, people may take over what is still worked on.
        if held and not already and (not take_over or actor in self._bots):
            raise Refused("TICKET_TAKEN", "taken")
        if not already:
            found.hold(actor, role)
            self._move(actor, found, "open", None, None)
            self._remember(found, "ticket.taken", actor)
        told = {"role": role, "fence": found.takes[role].fence, "already": already}
        return found, {**found.summary(), **told}

    def change(self, actor: str, ticket: Ticket, asked: Fields) -> tuple[Ticket, Fields]:
        """Change a ticket; `asked` is a role's status, stage, close_as or the tickets of
        `blocked_by`, with a note or none."""
        before, was, note = (ticket.stage, {**ticket.roles}), ticket.status, asked.get("note")
        begins = asked.get("role_status") == "in_progress"
        if "blocked_by" in asked:
            if any(ticket in blocker.above() for blocker in asked["blocked_by"]):
                raise Refused("VALIDATION_ERROR", None)
            ticket.blockers = asked["blocked_by"]
        elif "role_status" in asked:
            ticket.turn(actor, asked["role"], asked["role_status"])
        elif "close_as" in asked:
            ticket.close(asked["close_as"])
        else:
            ticket.stage = asked["stage"]
        unblocked: list[str] = []
        if "blocked_by" in asked or before != (ticket.stage, ticket.roles):
            unblocked = self._move(actor, ticket, was, asked.get("close_as", "completed"), note)
            turned = {"open": "ticket.reopened", "closed": "ticket.closed"}[ticket.status]
            same = "ticket.taken" if begins else "ticket.updated"
            self._remember(ticket, same if ticket.status == was else turned, actor)
        if note and not begins:
            self._write(actor, ticket, note)
        if was == "open" and ticket.status == "closed":
            self._skip_pending(actor, ticket)
        return ticket, {**ticket.summary(), "unblocked": unblocked}

    def say(
        self, actor: str, ticket: Ticket, body: str, to_role: str | None
    ) -> tuple[Ticket, Fields]:
        holds = actor in [take.holder for take in ticket.held.values()]
        self._write(actor, ticket, body)
        told = {"body": body, "to_role": to_role, "waits": to_role is not None}
        parked = holds and to_role is not None
        return ticket, {**told, "ticket": ticket.reference, "parked": parked}

    def _write(self, actor: str, ticket: Ticket, body: str) -> None:
        ticket.thread.append(body)
        self._remember(ticket, "message.added", actor)

    def _move(
        self, actor: str, ticket: Ticket, was: str, resolution: str | None, note: str | None
    ) -> list[str]:
        """Note what follows from where a ticket stands now; return the references of the tickets
        that waited for it alone."""
        ticket.updated = self._clock()
        ticket.end_takes()
        if ticket.status == was:
            return []
        if ticket.status == "open":
            ticket.closed = ticket.resolution = ticket.note = None
            return []
        ticket.closed, ticket.resolution, ticket.note = self._clock(), resolution, note
        waited = [one for one in self.tickets if ticket in one.blockers and one.status == "open"]
        free = [one for one in waited if not one.is_blocked()]
        for one in free:
            self._remember(one, "ticket.unblocked", actor)
        return sorted(one.reference for one in free)

    def _remember(self, ticket: Ticket, kind: str, actor: str) -> None:
        ticket.events.append((kind, actor, stamp(self._clock())))
