"""Who works in a project, by what its newest events say and by what is held."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.events import author
from mcp_handoff.people import (
    LOOKED_THROUGH,
    MOST_FINISHED,
    MOST_PEOPLE,
    SEEN_DAYS,
    ListPeople,
    Person,
    PersonList,
    count_finished,
)
from mcp_handoff.principals import SYSTEM_ID
from mcp_handoff.schema import timestamp
from mcp_handoff.store import projects
from mcp_handoff.store.held_roles import held_roles
from mcp_handoff.store.transaction import Row, Transaction, decode_json
from mcp_handoff.takes import MOST_TAKES, HeldRole

_WHO = "actor_role, actor_id, principal_id, principal_name"

# What happened to no ticket, such as linking a repository, is in the history alone, which not
# everybody may read.
_LATELY = (
    "FROM events WHERE project_id = :project_id AND seq > :after AND created_at >= :since"
    f" AND ticket_id IS NOT NULL AND coalesce(principal_id, '') <> '{SYSTEM_ID}'"
)
_SEEN = (
    f"SELECT {_WHO}, max(created_at) AS last_seen {_LATELY} GROUP BY {_WHO}"
    " ORDER BY max(seq) DESC LIMIT :most"
)
_FINISHED = (
    f"SELECT {_WHO}, after {_LATELY} AND kind IN ('ticket.updated', 'ticket.closed')"
    """ AND after LIKE '%"done"%' ORDER BY seq DESC LIMIT :most"""
)


def list_people(tx: Transaction, caller: Caller, request: ListPeople) -> PersonList:
    """Return who works in a project, whoever was heard of last first."""
    project = projects.find_named(tx, caller, request.project)
    if project is None:
        return PersonList(people=[])
    since = timestamp(tx.now - timedelta(days=SEEN_DAYS))
    before = tx.fetch_one(
        "SELECT seq, created_at FROM events WHERE project_id = :project_id"
        " ORDER BY seq DESC LIMIT 1 OFFSET :looked_through",
        project_id=project["id"],
        looked_through=LOOKED_THROUGH,
    )
    values: dict[str, Any] = {"project_id": project["id"], "since": since}
    values["after"] = before["seq"] if before else 0
    seen = tx.fetch_all(_SEEN, **values, most=MOST_PEOPLE + 1)
    finished = tx.fetch_all(_FINISHED, **values, most=MOST_FINISHED + 1)
    held = held_roles(tx, project, MOST_TAKES + 1)
    is_cut = len(seen) > MOST_PEOPLE or len(finished) > MOST_FINISHED or len(held) > MOST_TAKES
    return PersonList(
        people=_people(seen[:MOST_PEOPLE], finished[:MOST_FINISHED], held[:MOST_TAKES]),
        more=is_cut or (before is not None and before["created_at"] >= since),
    )


def _people(seen: list[Row], finished: list[Row], held: list[HeldRole]) -> list[Person]:
    """Return each who was seen or holds something once, by its name."""
    done, holds = Counter[str](), defaultdict[str, list[HeldRole]](list)
    for row in finished:
        done[_name(row)] += count_finished(decode_json(row["after"]))
    for one in held:
        holds[one.take.holder].append(one)
    people = dict[str, Row]()
    for row in seen:  # a credential that was made anew under its name goes on as who it was
        people.setdefault(_name(row), row)
    for name, its in holds.items():
        people.setdefault(name, its[0].take.model_dump())
    return [
        Person.model_validate({**row, "done": done[name], "held": holds[name]})
        for name, row in people.items()
    ]


def _name(row: Row) -> str:
    return author(*(row[column] for column in _WHO.split(", ")))
