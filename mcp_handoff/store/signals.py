"""The signals of tickets: in as many statements for two hundred of them as for one."""

import json
from collections import defaultdict
from collections.abc import Collection

from mcp_handoff.actors import Caller
from mcp_handoff.references import parse_name, reference
from mcp_handoff.signals import (
    BLOCKERS_SHOWN,
    BuildSignal,
    ListSignals,
    SignalList,
    Signals,
)
from mcp_handoff.store import landings, projects, takes
from mcp_handoff.store.details import NEWEST
from mcp_handoff.store.transaction import Row, Transaction, placeholders
from mcp_handoff.takes import Take

_BUILDS = (
    "SELECT b.source_id, b.id, b.display_name, b.status, b.url FROM tickets t JOIN builds b"
    " ON b.seq = (SELECT max(newest.seq) FROM (SELECT seq, is_active FROM builds"
    f" WHERE source_id = t.id ORDER BY seq DESC LIMIT {NEWEST}) AS newest"
    " WHERE newest.is_active = 1) WHERE t.id IN ({ids})"
)
_BLOCKERS = (
    "SELECT l.ticket_id, t.number, p.slug FROM links l JOIN tickets t ON t.id = l.blocker_id"
    " JOIN projects p ON p.id = t.project_id WHERE l.ticket_id IN ({ids}) AND t.status = 'open'"
    " ORDER BY t.seq DESC"
)
_TAKES = "SELECT * FROM takes WHERE ticket_id IN ({ids}) AND held = 1 ORDER BY role"


def list_signals(tx: Transaction, caller: Caller, request: ListSignals) -> SignalList:
    """Return the signals of those of the tickets that the caller sees."""
    project = projects.find_named(tx, caller, request.project)
    found = _find(tx, caller, request, project)
    if not found:
        return SignalList(signals={})
    parameters, ids = placeholders("ticket", found)
    held = defaultdict[str, list[Take]](list)
    for row in tx.fetch_all(_TAKES.format(ids=parameters), **ids):
        held[row["ticket_id"]].append(takes.shown(tx, row))
    blockers = defaultdict[str, list[str]](list)
    for row in tx.fetch_all(_BLOCKERS.format(ids=parameters), **ids):
        blockers[row["ticket_id"]].append(reference(row["number"], row["slug"]))
    built = tx.fetch_all(_BUILDS.format(ids=parameters), **ids)
    builds = {row["source_id"]: BuildSignal.model_validate(row) for row in built}
    changes = landings.changes_by_ticket(tx, found, 1)
    return SignalList(
        signals={
            name: Signals(
                takes=held[ticket_id],
                open_blockers=blockers[ticket_id][:BLOCKERS_SHOWN],
                more_blockers=len(blockers[ticket_id]) > BLOCKERS_SHOWN,
                build=builds.get(ticket_id),
                change=next(iter(changes.get(ticket_id, [])), None),
            )
            for ticket_id, name in found.items()
        }
    )


def _find(
    tx: Transaction, caller: Caller, request: ListSignals, project: Row | None
) -> dict[str, str]:
    """Return the references of those of the tickets that the caller sees, by their ids."""
    keys = [parse_name(name) for name in request.tickets]
    own = project["slug"] if project else ""
    numbers = {(key.project or own, key.number) for key in keys if key.number is not None}
    rows = _by_number(tx, numbers) + _by_id(tx, {key.id for key in keys if key.id})
    return {
        row["id"]: reference(row["number"], row["slug"])
        for row in rows
        if caller.principal.may_see(row["slug"])
    }


def _by_number(tx: Transaction, numbers: Collection[tuple[str, int]]) -> list[Row]:
    if not numbers:
        return []
    return tx.fetch_all(
        f"SELECT t.id, t.number, p.slug FROM {tx.rows_among('numbers')} CROSS JOIN projects p"
        " CROSS JOIN tickets t WHERE p.slug = asked.value ->> 0 AND t.project_id = p.id"
        " AND t.number = CAST(asked.value ->> 1 AS BIGINT)",
        numbers=json.dumps([*numbers]),
    )


def _by_id(tx: Transaction, ids: Collection[str]) -> list[Row]:
    if not ids:
        return []
    parameters, values = placeholders("id", sorted(ids))
    return tx.fetch_all(
        "SELECT t.id, t.number, p.slug FROM tickets t JOIN projects p ON p.id = t.project_id"
        f" WHERE t.id IN ({parameters})",
        **values,
    )
