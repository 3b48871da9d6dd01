"""The registry of builds."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.builds import (
    Build,
    BuildPage,
    CreateBuild,
    FindBuilds,
    GetBuild,
    UpdateBuild,
    UpdatedBuild,
)
from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventKind
from mcp_handoff.ids import new_id
from mcp_handoff.schema import timestamp
from mcp_handoff.store import cursors, history, idempotency, projects, runs
from mcp_handoff.store.lookup import FoundTicket, look_up_ticket
from mcp_handoff.store.pages import count, cut, size_of, whole
from mcp_handoff.store.transaction import (
    Row,
    Transaction,
    decode_json,
    encode_json,
    insert,
    placeholders,
)
from mcp_handoff.text.masking import masked_fields

_EDITABLE = ("description", "display_name", "is_active", "metadata")
_SIZE = size_of("build_ref", "display_name", "description", "metadata", "error_message")

# An index has those under way. A report that repeats what is known changes its run alone.
_SILENT = (
    "seq IN (SELECT w.seq FROM builds w WHERE w.organization_id = :organization"
    " AND w.status IN ('queued', 'building')) AND is_active = 1"
    " AND coalesce((SELECT r.changed_at FROM build_runs r WHERE r.build_id = builds.id),"
    " builds.updated_at) < :silent_since"
)


def find_builds(tx: Transaction, caller: Caller, request: FindBuilds) -> BuildPage:
    """Return a page of an organization's builds, newest first, or the one with an id."""
    if request.build_id:
        one = get_build(tx, caller, GetBuild(build_id=request.build_id, org=request.org))
        return BuildPage(items=[one], total=1)
    ticket = request.ticket and look_up_ticket(tx, caller, request.ticket, None).ticket["id"]
    organization = organization_id(tx, caller, request.org)
    scope = organization, ticket or ""
    position = cursors.decode_number(request.cursor, request, *scope)
    seen, slugs = _seen(caller)
    conditions = [seen, "organization_id = :organization"]
    if ticket:
        conditions.append("source_id = :ticket")
    if request.status:
        conditions.append("status = :status")
    if request.silent_since:
        conditions.append(_SILENT)
    matching = f"FROM builds WHERE {' AND '.join(conditions)}"
    values = {
        "organization": organization,
        "ticket": ticket,
        "status": request.status,
        "silent_since": request.silent_since,
        **slugs,
    }
    rows = tx.fetch_all(
        f"SELECT id, seq, {_SIZE} {matching}"
        f"{' AND seq < :position' if position is not None else ''} ORDER BY seq DESC LIMIT :rows",
        position=position,
        rows=request.limit + 1,
        **values,
    )
    page = cut(rows, request.limit)
    more = len(page) < len(rows)
    total = None if more or position is not None else len(page)
    # Builds of other projects could be many that lie in between.
    if total is None and (ticket or caller.principal.projects is None):
        total = count(tx, f"SELECT 1 {matching}", values)
    return BuildPage(
        items=_builds(tx, whole(tx, "SELECT * FROM builds", "builds", page)),
        next_cursor=cursors.encode(page[-1]["seq"], request, *scope) if more else None,
        total=total,
    )


def organization_id(tx: Transaction, caller: Caller, slug: str | None) -> str:
    """Return the id of the named organization, or of the caller's own: "" before its first use."""
    found = projects.organization_id(tx, slug or caller.organization)
    if found is None and slug not in (None, caller.organization):
        raise NotFound.at("org", "names no organization here", "leave it out for your own")
    return found or ""


def _seen(caller: Caller) -> tuple[str, dict[str, str]]:
    """Return the condition that a build is one which the caller may see, and its values."""
    if caller.principal.projects is None:
        return "1 = 1", {}
    parameters, slugs = placeholders("slug", sorted(caller.principal.projects))
    return (
        "source_id IN (SELECT seen.id FROM tickets seen JOIN projects own"
        f" ON own.id = seen.project_id WHERE own.slug IN ({parameters}))"
    ), slugs


def require(
    tx: Transaction, caller: Caller, build_id: str, org: str | None, *, locked: bool = False
) -> Row:
    """Return a build with the number and the project of the ticket that it is for, if it is for
    one, and the id of the run that makes it, if one does; NotFound when the caller sees none
    of that id in the organization.

    With `locked` nobody else changes the build until the transaction ends.
    """
    seen, slugs = _seen(caller)
    sql = (
        "SELECT b.*, t.number AS ticket_number, t.project_id, p.slug, r.id AS run_id FROM builds b"
        " LEFT JOIN build_runs r ON r.build_id = b.id"
        " LEFT JOIN tickets t ON t.id = b.source_id AND b.source_type = 'ticket'"
        " LEFT JOIN projects p ON p.id = t.project_id"
        f" WHERE b.id = :id AND b.organization_id = :organization AND {seen}"
    )
    values = {
        "id": build_id,
        "organization": organization_id(tx, caller, org),
        **slugs,
    }
    row = tx.fetch_one_locked(sql, "b", **values) if locked else tx.fetch_one(sql, **values)
    if row is None:
        why = "names no build in this organization"
        raise NotFound.at("build_id", why, "list those there are")
    return row


@idempotency.once(UpdatedBuild, access=lambda tx, caller, of: organization_id(tx, caller, of.org))
def create_build(tx: Transaction, caller: Caller, request: CreateBuild) -> UpdatedBuild:
    """Register a build that was made elsewhere, ready for use."""
    organization = organization_id(tx, caller, request.org) or projects.open_organization(
        tx, caller.organization
    )
    texts, masked = masked_fields(request.model_dump(exclude={"org", "idempotency_key"}))
    made = {"organization_id": organization, "status": "ready", "source_type": "api"}
    row = register(tx, caller, {**_as_columns(texts), **made})
    return UpdatedBuild.model_validate({**_fields(row), "masked": masked})


def read(tx: Transaction, build_id: str) -> Build:
    """Return a build, whoever may see it; it was changed or locked in this transaction."""
    row = tx.fetch_one("SELECT * FROM builds WHERE id = :id", id=build_id)
    assert row is not None, "nobody removes what another changes"
    return _builds(tx, [row])[0]


def register(
    tx: Transaction, caller: Caller, columns: Row, found: FoundTicket | None = None
) -> Row:
    """Insert a build that was made elsewhere, perhaps for a ticket, and return its row."""
    now = timestamp(tx.now)
    row: dict[str, Any] = {
        "id": new_id(),
        "is_active": 1,
        **columns,
        **caller.principal.as_json(),
        "created_at": now,
        "updated_at": now,
    }
    insert(tx, "builds", row)
    history.add_event(
        tx,
        caller,
        "build.created",
        subject_id=row["id"],
        project_id=found and found.project["id"],
        ticket_id=found and found.ticket["id"],
        after={"display_name": row["display_name"], "status": row["status"]},
    )
    return row


def get_build(tx: Transaction, caller: Caller, request: GetBuild) -> Build:
    """Return one build."""
    return _builds(tx, [require(tx, caller, request.build_id, request.org)])[0]


@idempotency.once(
    UpdatedBuild,
    access=lambda tx, caller, of: require(tx, caller, of.build_id, of.org),
    absent_is_null=False,
)
def update_build(tx: Transaction, caller: Caller, request: UpdateBuild) -> UpdatedBuild:
    """Change the fields that were given; without one, nothing changes."""
    row = require(tx, caller, request.build_id, request.org, locked=True)
    changes, masked = masked_fields(request.changes())
    updated = row
    if changes:
        updated = {**row, **_as_columns(changes), "updated_at": timestamp(tx.now)}
        tx.execute(
            "UPDATE builds SET description = :description, display_name = :display_name,"
            " is_active = :is_active, metadata = :metadata, updated_at = :updated_at"
            " WHERE id = :id",
            **{name: updated[name] for name in (*_EDITABLE, "updated_at", "id")},
        )
        before = Build.model_validate(_fields(row)).model_dump()
        before = {name: before[name] for name in changes}
        add_event(tx, caller, "build.updated", row, before=before, after=changes)
    [build] = _builds(tx, [updated])
    return UpdatedBuild.model_validate({**build.model_dump(), "masked": masked})


def add_event(
    tx: Transaction, caller: Caller, kind: EventKind, build: Row, *, before: Row, after: Row
) -> None:
    """Write down who changed a build, as `require` returns it, from what to what."""
    of_ticket = build["ticket_number"] is not None
    history.add_event(
        tx,
        caller,
        kind,
        subject_id=build["id"],
        project_id=build["project_id"],
        ticket_id=build["source_id"] if of_ticket else None,
        before=before,
        after=after,
    )


def of_ticket(tx: Transaction, ticket_id: str, limit: int) -> list[Build]:
    """Return a ticket's newest builds, newest first."""
    rows = tx.fetch_all(
        "SELECT * FROM builds WHERE source_id = :ticket_id ORDER BY seq DESC LIMIT :limit",
        ticket_id=ticket_id,
        limit=limit,
    )
    return _builds(tx, rows)


def _as_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    columns = dict(fields)
    if "is_active" in columns:
        columns["is_active"] = int(columns["is_active"])
    if "metadata" in columns:
        columns["metadata"] = encode_json(columns["metadata"])
    return columns


def _builds(tx: Transaction, rows: Sequence[Row]) -> list[Build]:
    """Return builds, each with its run where a ticket started it."""
    started = runs.of_builds(tx, [row["id"] for row in rows])
    return [Build.model_validate({**_fields(row), "run": started.get(row["id"])}) for row in rows]


def _fields(row: Row) -> dict[str, Any]:
    return {**row, "metadata": decode_json(row["metadata"])}
