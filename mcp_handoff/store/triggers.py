"""Triggering bot builds: a run, its build, its place on the ticket and in the outbox, together."""

import json
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.builds import UNSPECIFIED_PROVIDER
from mcp_handoff.ids import new_id
from mcp_handoff.masking import masked_fields
from mcp_handoff.runs import BuildRun, is_under_way
from mcp_handoff.store import history, idempotency, runs
from mcp_handoff.store.locating import Located, locate
from mcp_handoff.store.ticket_rows import roles_of, summary
from mcp_handoff.store.transaction import Row, Transaction, insert, timestamp
from mcp_handoff.text import shortened
from mcp_handoff.tickets import BuildingTicket, TriggerBotBuild, TriggeredBuild, require_open


def trigger_bot_build(tx: Transaction, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
    """Start a run of a bot build for a ticket, or return the one already under way."""
    return _trigger(tx, caller, request, dispatching=False)


def trigger_and_queue(tx: Transaction, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
    """Do that, and leave an outbox row for what was started."""
    return _trigger(tx, caller, request, dispatching=True)


def _trigger(
    tx: Transaction, caller: Caller, request: TriggerBotBuild, *, dispatching: bool
) -> TriggeredBuild:
    def effect() -> TriggeredBuild:
        tx.hold("tickets", locate(tx, caller, request.ticket, request.project).ticket["id"])
        found = locate(tx, caller, request.ticket, request.project)
        require_open(found.ticket["status"], found.reference)
        latest = runs.latest_of(tx, found.ticket["id"])
        if latest and is_under_way(latest["status"]):
            return _triggered(tx, caller, found)
        made, masked = masked_fields({"provider": request.provider, "repo": request.repo})
        _start(tx, caller, found, made, dispatching=dispatching)
        return _triggered(tx, caller, found, masked)

    return idempotency.once(tx, caller, request, TriggeredBuild, effect)


def _start(
    tx: Transaction, caller: Caller, found: Located, made: Row, *, dispatching: bool
) -> None:
    run_id = new_id()
    build_id = _register(tx, found, made["provider"], run_id)
    run = BuildRun(
        id=run_id,
        build_id=build_id,
        status="queued",
        provider=made["provider"],
        repo=made["repo"],
        requested_by=caller.actor.id,
        requested_at=timestamp(tx.now),
        attempts=0,
        next_attempt_at=timestamp(tx.now) if dispatching else None,
    )
    insert(tx, "build_runs", {**run.model_dump(), "ticket_id": found.ticket["id"]})
    runs.write_ai_output(tx, found.ticket["id"], run)
    if dispatching:
        runs.queue_dispatch(tx, run, _payload(found))
    history.record(
        tx,
        caller.actor,
        "build.triggered",
        subject_id=run_id,
        project_id=found.project["id"],
        ticket_id=found.ticket["id"],
        build_id=build_id,
        after={"run": run_id, "build": build_id, "status": "queued"},
    )


def _register(tx: Transaction, found: Located, provider: str | None, run_id: str) -> str:
    now = timestamp(tx.now)
    row: dict[str, Any] = {
        "id": new_id(),
        "organization_id": found.project["organization_id"],
        "build_ref": run_id,
        "display_name": shortened(f"{found.reference} {found.ticket['title']}", 200),
        "provider": provider or UNSPECIFIED_PROVIDER,
        "status": "queued",
        "source_type": "ticket",
        "source_id": found.ticket["id"],
        "is_active": 1,
        "created_at": now,
        "updated_at": now,
    }
    insert(tx, "builds", row)
    return row["id"]


def _payload(found: Located) -> dict[str, Any]:
    return {
        "project_id": found.project["id"],
        "ticket_id": found.ticket["id"],
        "reference": found.reference,
        "title": found.ticket["title"],
    }


def _triggered(
    tx: Transaction, caller: Caller, found: Located, masked: list[str] | None = None
) -> TriggeredBuild:
    again = locate(tx, caller, found.ticket["id"], found.slug)
    roles = roles_of(tx, again.ticket["id"])
    whole = summary(again.ticket, again.slug, roles)
    output = json.loads(again.ticket["ai_output"])
    ticket = BuildingTicket.model_validate({**whole, "ai_output": output})
    return TriggeredBuild(ticket=ticket, masked=masked)
