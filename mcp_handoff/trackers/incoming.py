"""Tickets that come in from another tracker, with what they bring along."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints

from mcp_handoff.actors import BOT, Caller
from mcp_handoff.archives.archive import Outcome
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.progress import Progress
from mcp_handoff.schema import ONE_LINE, STORABLE, Instant, JsonObject, Request
from mcp_handoff.tickets import Priority, RequestType
from mcp_handoff.validation import Arguments
from mcp_handoff.work import Resolution
from mcp_handoff.workflow import ROLES, Role

Line = Annotated[str, StringConstraints(min_length=1, max_length=2_000), STORABLE, ONE_LINE]
Text = Annotated[str, StringConstraints(max_length=2**20), STORABLE]


class IncomingComment(Request):
    """What somebody wrote about a ticket elsewhere."""

    body: Text
    author: Line | None = None
    created_at: Instant


class IncomingTicket(Request):
    """A ticket as another tracker has it.

    `origin` is its name there, by which it is known again; `blocked_by` are the origins of those
    that come first; `details` is what has no field of its own here. One that is closed says when
    and how, and by whom if that is known.
    """

    origin: Line
    title: Line
    text: Text = ""
    request_type: RequestType = "feature_request"
    priority: Priority = "medium"
    roles: list[Role] = Field(default_factory=lambda: list[Role](("other",)))
    author: Line | None = None
    created_at: Instant
    updated_at: Instant | None = None
    is_begun: bool = False
    closed_at: Instant | None = None
    closed_by: Line | None = None
    resolution: Resolution | None = None
    resolution_note: Text | None = None
    blocked_by: list[Line] = Field(default_factory=list[str])
    comments: list[IncomingComment] = Field(default_factory=list[IncomingComment])
    details: JsonObject = Field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found: where, what its fields are, and what is wrong with it already."""

    place: str
    fields: Mapping[str, Any]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """Tickets of another tracker, those that came first in front, each with where it was found, and
    what does not fit and why."""

    source: str
    tickets: Sequence[tuple[str, IncomingTicket]]
    problems: Sequence[str]


def checked(source: str, found: Iterator[Found]) -> Incoming:
    """Return what a reader of this tracker found as tickets, as far as they are any."""
    tickets: list[tuple[str, IncomingTicket]] = []
    problems: list[str] = []
    for one in found:
        try:
            if one.problem:
                raise ValidationFailed(one.problem)
            ticket = Arguments(IncomingTicket, one.fields).parse(BOT)
        except ValidationFailed as error:
            problems.append(problem_at(one.place, error))
        else:
            tickets.append((one.place, ticket))
    tickets.sort(key=lambda pair: pair[1].created_at)
    return Incoming(source, tickets, problems)


def problem_at(place: str, error: ValidationFailed) -> str:
    """Return what is wrong with what was found in a place, as a person reads it."""
    wrong = [f"{name} {why}" for name, why in error.fields.items()]
    return f"{place}: {'; '.join(wrong) or error.message}"


def roles_among(labels: Sequence[str]) -> list[Role]:
    """Return the roles that labels name, as `qa`, `role:qa` or `area/qa`; `other` without any."""
    last = {label.replace("/", ":").rpartition(":")[2].strip().lower() for label in labels}
    return [role for role in ROLES if role in last] or ["other"]


def request_type_among(labels: Sequence[str]) -> RequestType:
    """Return what kind of ticket labels make of one."""
    words = {word for label in labels for word in label.lower().replace("/", ":").split(":")}
    for kind, named in _KINDS.items():
        if named & words:
            return kind
    return "feature_request"


_KINDS: Mapping[RequestType, frozenset[str]] = {
    "bug": frozenset({"bug", "defect", "regression", "fix"}),
    "clarification_needed": frozenset({"question", "clarification"}),
    "decision_needed": frozenset({"decision", "rfc", "adr"}),
}


Tracker = Literal["github", "backlog", "beads"]


class IncomingOperations(Protocol):
    """What a store does with tickets of other trackers."""

    async def import_tickets(
        self, caller: Caller, incoming: Incoming, progress: Progress, /, *, dry_run: bool
    ) -> Outcome:
        """File tickets in the caller's project, which is made when it is first used, with their
        authors, dates and threads; those that were filed before stay as they are, and get the
        comments that were added since. Where one does not fit, or `dry_run` says that it is only
        tried, nothing is written."""
        ...
