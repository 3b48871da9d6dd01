"""Triggering bot builds: a run, its build, its place on the ticket and in the outbox, together."""

from mcp_handoff.actors import Caller
from mcp_handoff.builds import UNSPECIFIED_PROVIDER
from mcp_handoff.ids import new_id
from mcp_handoff.receivers import NOBODY
from mcp_handoff.runs import BuildRun, is_under_way
from mcp_handoff.schema import timestamp
from mcp_handoff.store import history, idempotency, outbox, runs, takes
from mcp_handoff.store.lookup import FoundTicket, look_up_named, look_up_ticket, require_open
from mcp_handoff.store.ticket_rows import roles_of, summary
from mcp_handoff.store.transaction import Row, Transaction, decode_json, insert
from mcp_handoff.text.characters import shortened
from mcp_handoff.tickets import BuildingTicket, TriggerBotBuild, TriggeredBuild


@idempotency.once(TriggeredBuild, access=look_up_named)
def trigger_bot_build(tx: Transaction, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
    """Start a run of a bot build for a ticket and leave it in the outbox; or return the one already
    under way, unless that is to be given up.

    Who sends that again finds another one under way, and gets it.
    """
    found = look_up_ticket(tx, caller, request.ticket, request.project, locked=True)
    ticket = found.ticket
    require_open(tx, found, "takes no more builds; file a new ticket instead")
    takes.renew(tx, caller, ticket["id"])
    latest, has_receiver = runs.latest_of(tx, ticket["id"])
    roles = roles_of(tx, ticket["id"])
    under_way = latest is not None and is_under_way(latest["status"])
    if latest and under_way and request.replaces == latest["build_id"]:
        _give_up(tx, caller, found, latest)
        under_way = False
    if not under_way:
        run = BuildRun(
            id=new_id(),
            build_id=new_id(),
            status="queued",
            provider=request.provider,
            repo=request.repo,
            requested_by=caller.actor.id,
            **caller.principal.as_json(),
            requested_at=timestamp(tx.now),
            attempts=0,
            next_attempt_at=timestamp(tx.now) if has_receiver else None,
            last_error=None if has_receiver else NOBODY,
        )
        ticket = {**ticket, **_start(tx, caller, found, run)}
    output = decode_json(ticket["ai_output"])
    whole = {**summary(ticket, found.slug, roles), "ai_output": output}
    return TriggeredBuild(ticket=BuildingTicket.model_validate(whole), already=under_way)


def _give_up(tx: Transaction, caller: Caller, found: FoundTicket, run: Row) -> None:
    """End a run that is to be replaced, whoever has it."""
    outbox.remove_dispatch(tx, run["id"])
    ticket = found.ticket
    of_ticket = {name: ticket[name] for name in ("project_id", "number", "ai_output")}
    who = shortened(caller.actor.id or caller.actor.role, 200)
    why = f"Given up by {who} for a new one."
    runs.give_up(tx, caller, {**run, **of_ticket, "slug": found.slug}, "replaced", why)


def _start(tx: Transaction, caller: Caller, found: FoundTicket, run: BuildRun) -> Row:
    """Write a run down wherever it belongs; return the columns of its ticket that this changed."""
    build = {
        "id": run.build_id,
        "organization_id": found.project["organization_id"],
        "build_ref": run.id,
        "display_name": shortened(f"{found.reference} {found.ticket['title']}", 200),
        "provider": run.provider or UNSPECIFIED_PROVIDER,
        "status": "queued",
        "source_type": "ticket",
        "source_id": found.ticket["id"],
        "is_active": 1,
        **caller.principal.as_json(),
        "created_at": run.requested_at,
        "updated_at": run.requested_at,
    }
    insert(tx, "builds", build)
    insert(tx, "build_runs", {**run.model_dump(), "ticket_id": found.ticket["id"]})
    payload = {
        "project_id": found.project["id"],
        "ticket_id": found.ticket["id"],
        "reference": found.reference,
        "title": found.ticket["title"],
    }
    outbox.add_dispatch(tx, run, payload)
    history.add_event(
        tx,
        caller,
        "build.triggered",
        subject_id=run.id,
        **found.in_history,
        after={"run": run.id, "build": run.build_id, "status": "queued"},
    )
    return runs.show_on_ticket(tx, found.ticket["id"], found.ticket["ai_output"], run)
