"""Filing tickets that come from another tracker, each once."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import Any

from mcp_handoff.actors import NAME_LENGTH, Actor, Caller
from mcp_handoff.archives.archive import LISTED, Outcome, Undone
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.events import EventKind
from mcp_handoff.ids import id_of
from mcp_handoff.progress import Progress
from mcp_handoff.references import reference
from mcp_handoff.store import history, projects, ticket_terms
from mcp_handoff.store.ticket_filters import author_keys
from mcp_handoff.store.ticket_rows import LISTED_COLUMNS
from mcp_handoff.store.transaction import Row, Transaction, encode_json, insert
from mcp_handoff.text.characters import shortened, visible
from mcp_handoff.text.masking import mask, masked_fields
from mcp_handoff.tickets import CreateTicket, urgency
from mcp_handoff.trackers.incoming import Incoming, IncomingTicket, problem_at
from mcp_handoff.validation import Arguments
from mcp_handoff.workflow import LIVE, MERGED, STILL_TO_ACT, RoleStatus, Stage, Standing, Status

TITLE, DESCRIPTION, MESSAGE = 140, 5_000, 25_000
"""How many characters each has at most."""

SHORTEST_TITLE, SHORTEST_DESCRIPTION = 5, 10

_GOES_ON = "\n\n(It goes on in the thread.)"

_COMPLETED = ("completed", "already_done")


def import_tickets(
    tx: Transaction, caller: Caller, incoming: Incoming, progress: Progress, *, dry_run: bool
) -> Outcome:
    """File the tickets that are not there yet, and what was said since in those that are; return
    what that was.

    Raises Undone where one does not fit, or after a `dry_run`; the transaction is to end with it.
    """
    is_new = projects.find(tx, caller.project) is None
    project = projects.open_or_create(tx, caller, None)
    problems = [*incoming.problems, *_circles(incoming)]
    work = _Filing(tx, caller, project, incoming)
    if is_new:
        work.added["project"] += 1
    for done, (place, ticket) in enumerate(incoming.tickets, start=1):
        try:
            work.file(ticket)
        except ValidationFailed as error:
            problems.append(problem_at(place, error))
        progress("Importing", done, len(incoming.tickets))
    if not problems:
        work.link()
    tx.fetch_one("SELECT 1 AS one")  # where the database refused anything, it says so by now
    listed, more = problems[:LISTED], len(problems[LISTED:])
    outcome = Outcome(work.added, work.present, listed, more, work.differing)
    if dry_run or problems:
        raise Undone(outcome)
    return outcome


def _circles(incoming: Incoming) -> Iterator[str]:
    """Yield what is wrong with tickets that come to wait for themselves."""
    graph = {ticket.origin: ticket.blocked_by for _, ticket in incoming.tickets}
    places = {ticket.origin: place for place, ticket in incoming.tickets}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        yield f"{places[circle[0]]}: waits for itself, by way of {', '.join(circle[1:])}"


@dataclass(frozen=True, slots=True)
class _Known:
    """A ticket of this project, by its id, and whether it is open."""

    id: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class _Message:
    """A message that comes of a comment or of what a description can't hold."""

    id: str
    body: str
    author: str | None
    created_at: str


class _Filing:
    """The filing of tickets in a project."""

    def __init__(self, tx: Transaction, caller: Caller, project: Row, incoming: Incoming) -> None:
        self._tx = tx
        self._caller = caller
        self._project = project
        self._source = incoming.source
        self.added: Counter[str] = Counter()
        self.present = 0
        self.differing = defaultdict[str, list[str]](list)
        ids = {ticket.origin: self._id_of(ticket) for _, ticket in incoming.tickets}
        asked = {name for _, ticket in incoming.tickets for name in ticket.blocked_by}
        blocking = {ids[name] for name in asked & ids.keys()}
        for ticket_id in sorted(self._filed(blocking)):
            tx.lock("tickets", ticket_id)
        self._there = self._filed(ids.values())
        by_id = {ids[ticket.origin]: ticket for _, ticket in incoming.tickets}
        self._said_since = self._new_messages({one: by_id[one] for one in self._there})
        statuses: dict[str, str] = {one: _status_of(ticket) for one, ticket in by_id.items()}
        statuses |= {one: row["status"] for one, row in self._there.items()}
        self._known = {
            origin: _Known(ticket_id, statuses[ticket_id] == "open")
            for origin, ticket_id in ids.items()
        }
        self._links: list[tuple[str, str]] = []
        self._origins = set[str]()

    def file(self, ticket: IncomingTicket) -> None:
        """File a ticket with its thread, or what was said in it since it was filed before."""
        if ticket.origin in self._origins:
            raise ValidationFailed(f"{ticket.origin} is there twice")
        self._origins.add(ticket.origin)
        ticket_id = self._known[ticket.origin].id
        if ticket_id in self._there:
            self.present += 1
            self._add_messages(ticket_id, self._said_since.get(ticket_id, ()))
            self._compare(self._there[ticket_id], ticket)
            return
        title, description, rest = _fitted(ticket)
        blockers = [self._known[name] for name in ticket.blocked_by if name in self._known]
        elsewhere = [name for name in ticket.blocked_by if name not in self._known]
        details = {"from": ticket.origin, **ticket.details}
        if elsewhere:
            details["blocked_by"] = elsewhere
        request = Arguments(
            CreateTicket,
            {
                "title": title,
                "description": description,
                "evidence": {"imported": details},
                **ticket.model_dump(include={"request_type", "priority", "roles"}),
            },
        ).parse("user")
        row: dict[str, Any] = self._row(ticket_id, ticket, request) | {
            "blockers": sum(blocker.is_open for blocker in blockers)
        }
        self.added["ticket"] += 1
        self._write(row, ticket, request.roles)
        self._links += [(ticket_id, blocker.id) for blocker in blockers]
        text = _parts(f"{ticket_id} text", rest, ticket.author, ticket.created_at)
        self._add_messages(ticket_id, chain(text, *_comments(ticket_id, ticket)))
        if ticket.is_begun and ticket.closed_at is None:
            self._tell_moved("ticket.updated", row, None, row["updated_at"])
        if ticket.closed_at is not None:
            how = {"close_as": row["resolution_type"], "note": row["resolution_note"]}
            self._tell_moved("ticket.closed", row, ticket.closed_by, ticket.closed_at, **how)

    def link(self) -> None:
        """Have the tickets that were filed wait for those that come first."""
        for ticket_id, blocker_id in dict.fromkeys(self._links):
            insert(self._tx, "links", {"ticket_id": ticket_id, "blocker_id": blocker_id})

    def _filed(self, ids: Collection[str]) -> dict[str, Row]:
        """Return those of these tickets that were filed before, by their ids."""
        rows = self._tx.fetch_all(
            "SELECT t.id, t.number, t.status, t.title, t.description"
            f" FROM {self._tx.rows_among('asked')}"
            " CROSS JOIN tickets t WHERE t.id = asked.value ->> 0",
            asked=json.dumps([[one] for one in ids]),
        )
        return {row["id"]: row for row in rows}

    def _id_of(self, ticket: IncomingTicket) -> str:
        name = f"{self._project['id']} {ticket.origin}"
        return id_of(name, datetime.fromisoformat(ticket.created_at))

    def _row(self, ticket_id: str, ticket: IncomingTicket, request: CreateTicket) -> dict[str, Any]:
        """Return a ticket as it is stored, but for its number and what it waits for."""
        texts, _ = masked_fields(request.model_dump(include={"title", "description", "evidence"}))
        stage, closed = _stage_of(ticket), {}
        if ticket.closed_at is not None:
            closed = {
                "resolution_type": ticket.resolution or "completed",
                "resolution_note": mask(ticket.resolution_note or f"Closed at {ticket.origin}."),
                "resolved_at": ticket.closed_at,
            }
        actor = self._actor(ticket.author)
        newest = max(filter(None, (ticket.created_at, ticket.updated_at, ticket.closed_at)))
        return {
            **texts,
            "id": ticket_id,
            "project_id": self._project["id"],
            "request_type": request.request_type,
            "priority": request.priority,
            "blocking": 0,
            "evidence": encode_json(texts["evidence"]),
            "status": _status_of(ticket),
            "stage": stage,
            **closed,
            **actor.as_json(),
            **self._caller.principal.as_json(),
            **author_keys(actor.id, self._caller.principal),
            "urgency": urgency(request.priority, blocking=False),
            "fingerprint": 0,  # of no content: to repeat what is imported is to file a ticket
            "created_at": ticket.created_at,
            "updated_at": newest,
        }

    def _write(self, row: dict[str, Any], ticket: IncomingTicket, roles: Sequence[str]) -> None:
        """Insert a ticket with its roles and the event of its filing."""
        standing = _standing_of(row["stage"], roles, row.get("resolution_type"))
        terms = ticket_terms.terms_of({"suggested_resolution": None, **_NOTES, **row})
        ticket_terms.add_words(self._tx, row["project_id"], terms)
        listed = {name: row[name] for name in LISTED_COLUMNS}
        self._tell(
            "ticket.created",
            row["id"],
            row,
            ticket.author,
            ticket.created_at,
            after={"status": "open", "stage": "backlog", "roles": [*standing.roles]},
        )
        self._tx.file(
            row,
            [
                {
                    "ticket_id": row["id"],
                    "updated_at": row["updated_at"],
                    "position": place,
                    "role": role,
                    "status": status,
                    "waits": int(status in STILL_TO_ACT),
                    "ready": int(standing.is_clear_for(role) and not row["blockers"]),
                    **listed,
                }
                for place, (role, status) in enumerate(standing.roles.items())
            ],
            ticket_terms.indexed(row, terms),
        )

    def _new_messages(self, filed: Mapping[str, IncomingTicket]) -> dict[str, list[_Message]]:
        """Return what was said since in tickets that were filed before, by their ids."""
        threads = {ticket_id: [*_comments(ticket_id, one)] for ticket_id, one in filed.items()}
        rows = self._tx.fetch_all(
            f"SELECT m.id FROM {self._tx.rows_among('asked')}"
            " CROSS JOIN messages m WHERE m.id = asked.value ->> 0",
            asked=json.dumps([[one[0].id] for thread in threads.values() for one in thread]),
        )
        known = {row["id"] for row in rows}
        return {
            ticket_id: new
            for ticket_id, thread in threads.items()
            if (new := [*chain(*(one for one in thread if one[0].id not in known))])
        }

    def _add_messages(self, ticket_id: str, messages: Iterable[_Message]) -> None:
        ticket = {"id": ticket_id, "project_id": self._project["id"]}
        for one in messages:
            message = {
                "id": one.id,
                "project_id": ticket["project_id"],
                "ticket_id": ticket_id,
                "kind": "message",
                "body": mask(one.body),
                **self._actor(one.author).as_json(),
                **self._caller.principal.as_json(),
                "waits": 0,
                "created_at": one.created_at,
            }
            insert(self._tx, "messages", message)
            after = {"kind": "message"}
            self._tell("message.added", one.id, ticket, one.author, one.created_at, after=after)
            self.added["message"] += 1

    def _compare(self, row: Row, ticket: IncomingTicket) -> None:
        """Note where a ticket that was filed before is otherwise where it came from."""
        name = reference(row["number"], self._project["slug"])
        status = _status_of(ticket)
        if status != row["status"]:
            self.differing[f"{status} there and {row['status']} here"].append(name)
        title, description, _ = _fitted(ticket)
        texts, _ = masked_fields({"title": title, "description": description})
        if any(row[field].split() != text.split() for field, text in texts.items()):
            self.differing["worded otherwise there"].append(name)

    def _tell_moved(
        self, kind: EventKind, row: Row, author: str | None, created_at: str, **how: str
    ) -> None:
        """Write down that a ticket came elsewhere to where it stands, by whom if that is known."""
        before, after = {"stage": "backlog"}, {"stage": row["stage"], **how}
        self._tell(kind, row["id"], row, author, created_at, before=before, after=after)

    def _tell(
        self,
        kind: EventKind,
        subject_id: str,
        ticket: Row,
        author: str | None,
        created_at: str,
        *,
        before: Row | None = None,
        after: Row,
    ) -> None:
        """Write down what happened elsewhere, and when."""
        history.add_event(
            self._tx,
            replace(self._caller, actor=self._actor(author)),
            kind,
            subject_id=subject_id,
            project_id=ticket["project_id"],
            ticket_id=ticket["id"],
            before=before,
            after=after,
            created_at=created_at,
        )

    def _actor(self, name: str | None) -> Actor:
        """Return who did something elsewhere; who says so is the principal."""
        shown = name and shortened(mask(visible(name)), NAME_LENGTH)
        return Actor("user", self._source, shown or None)


_NOTES = {"implementation_notes": None}


def _fitted(ticket: IncomingTicket) -> tuple[str, str, str]:
    """Return a title and a description as they fit here, and what of the text is left."""
    title, text = ticket.title, ticket.text.strip()
    if len(title) > TITLE:
        title, text = shortened(title, TITLE), f"{title}\n\n{text}".strip()
    if len(title) < SHORTEST_TITLE:
        title = f"{title} ({ticket.origin})"
    if len(text) < SHORTEST_DESCRIPTION:
        text = f"{text}\n\nImported from {ticket.origin}.".strip()
    if len(text) <= DESCRIPTION:
        return title, text, ""
    fits = DESCRIPTION - len(_GOES_ON)
    return title, f"{text[:fits]}{_GOES_ON}", text[fits:]


def _comments(ticket_id: str, ticket: IncomingTicket) -> Iterator[list[_Message]]:
    """Yield the messages that come of each comment. It is known again by when it was written and by
    its place among those of that instant, so that one that is deleted there moves no other."""
    before = Counter[str]()
    for one in ticket.comments:
        name = f"{ticket_id} {one.created_at} {before[one.created_at]}"
        before[one.created_at] += 1
        if messages := [*_parts(name, one.body, one.author, one.created_at)]:
            yield messages


def _parts(name: str, body: str, author: str | None, created_at: str) -> Iterator[_Message]:
    """Yield the messages, one after the other, that hold a text."""
    for start in range(0, len(body), MESSAGE):
        if (part := body[start:][:MESSAGE]).strip():
            message_id = id_of(f"{name}.{start}", datetime.fromisoformat(created_at))
            yield _Message(message_id, part, author, created_at)


def _status_of(ticket: IncomingTicket) -> Status:
    return "open" if ticket.closed_at is None else "closed"


def _stage_of(ticket: IncomingTicket) -> Stage:
    if ticket.closed_at is not None:
        return LIVE
    return "in_progress" if ticket.is_begun else "backlog"


def _standing_of(stage: Stage, roles: Sequence[str], resolution: str | None) -> Standing:
    """Return where a ticket stands that was worked on elsewhere: of what was merged there, nothing
    is known here."""
    status: RoleStatus = "pending"
    if resolution is not None:
        status = "done" if resolution in _COMPLETED else "skipped"
    merged: RoleStatus = "pending" if resolution is None else "skipped"
    return Standing(stage, {**dict.fromkeys(roles, status), MERGED: merged})
