"""The registry of builds."""

import json
from collections.abc import Sequence
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
from mcp_handoff.errors import Forbidden, NotFound
from mcp_handoff.ids import new_id
from mcp_handoff.masking import masked_fields
from mcp_handoff.store import cursors, history, projects, runs
from mcp_handoff.store.locating import locate
from mcp_handoff.store.transaction import Row, Transaction, insert, placed, timestamp

_EDITABLE = ("description", "display_name", "is_active", "metadata")


def find_builds(tx: Transaction, caller: Caller, request: FindBuilds) -> BuildPage:
    """Return a page of an organization's builds, newest first."""
    position = cursors.decode(request, request.cursor)
    ticket = locate(tx, caller, request.ticket, None).ticket["id"] if request.ticket else None
    seen, slugs = _seen(caller)
    conditions = {
        "organization_id = :organization": _organization(tx, caller, request.org),
        "source_id = :ticket": ticket,
        "status = :status": request.status,
        "seq < :position": position,
    }
    wanted = [seen, *(condition for condition, value in conditions.items() if value is not None)]
    rows = tx.all(
        f"SELECT * FROM builds WHERE {' AND '.join(wanted)} ORDER BY seq DESC LIMIT :rows",
        organization=conditions["organization_id = :organization"],
        ticket=ticket,
        status=request.status,
        position=position,
        rows=request.limit + 1,
        **slugs,
    )
    more = len(rows) > request.limit
    rows = rows[: request.limit]
    return BuildPage(
        items=_builds(tx, rows),
        next_cursor=cursors.encode(request, rows[-1]["seq"]) if more else None,
    )


def create_build(tx: Transaction, caller: Caller, request: CreateBuild) -> UpdatedBuild:
    """Register a build that was made elsewhere, ready for use."""
    if caller.projects is not None:
        raise Forbidden("A token that is limited to projects registers no builds.")
    organization = _organization(tx, caller, request.org) or projects.add_organization(tx, caller)
    texts, masked = masked_fields(request.model_dump(exclude={"org"}))
    now = timestamp(tx.now)
    row: dict[str, Any] = {
        **_as_columns(texts),
        "id": new_id(),
        "organization_id": organization,
        "status": "ready",
        "source_type": "api",
        "is_active": 1,
        "created_at": now,
        "updated_at": now,
    }
    insert(tx, "builds", row)
    after = {"display_name": texts["display_name"], "status": "ready"}
    history.record(
        tx, caller.actor, "build.created", subject_id=row["id"], build_id=row["id"], after=after
    )
    return _updated(tx, _require(tx, caller, GetBuild(build_id=row["id"], org=request.org)), masked)


def get_build(tx: Transaction, caller: Caller, request: GetBuild) -> Build:
    """Return one build."""
    return _builds(tx, [_require(tx, caller, request)])[0]


def update_build(tx: Transaction, caller: Caller, request: UpdateBuild) -> UpdatedBuild:
    """Change the fields that were given; without one, nothing changes."""
    tx.hold("builds", request.build_id)
    row = _require(tx, caller, request)
    changes = request.changes()
    if not changes:
        return _updated(tx, row)
    changes, masked = masked_fields(changes)
    updated = {**row, **_as_columns(changes), "updated_at": timestamp(tx.now)}
    tx.run(
        "UPDATE builds SET description = :description, display_name = :display_name,"
        " is_active = :is_active, metadata = :metadata, updated_at = :updated_at WHERE id = :id",
        **{name: updated[name] for name in (*_EDITABLE, "updated_at", "id")},
    )
    _remember_update(tx, caller, row, changes)
    return _updated(tx, updated, masked)


def of_ticket(tx: Transaction, ticket_id: str, limit: int) -> list[Build]:
    """Return a ticket's newest builds, newest first."""
    rows = tx.all(
        "SELECT * FROM builds WHERE source_id = :ticket_id ORDER BY seq DESC LIMIT :limit",
        ticket_id=ticket_id,
        limit=limit,
    )
    return _builds(tx, rows)


def _organization(tx: Transaction, caller: Caller, slug: str | None) -> str:
    found = projects.organization_id(tx, slug or caller.organization)
    if found is None and slug not in (None, caller.organization):
        raise NotFound.at("org", "names no organization here", "leave it out for your own")
    return found or ""


def _seen(caller: Caller) -> tuple[str, dict[str, str]]:
    """Return the condition that a build is one which the caller may see, and its values."""
    if caller.projects is None:
        return "1 = 1", {}
    places, slugs = placed("slug", sorted(caller.projects))
    return (
        "source_id IN (SELECT t.id FROM tickets t JOIN projects p ON p.id = t.project_id"
        f" WHERE p.slug IN ({places}))"
    ), slugs


def _require(tx: Transaction, caller: Caller, request: GetBuild | UpdateBuild) -> Row:
    seen, slugs = _seen(caller)
    row = tx.one(
        f"SELECT * FROM builds WHERE id = :id AND organization_id = :organization AND {seen}",
        id=request.build_id,
        organization=_organization(tx, caller, request.org),
        **slugs,
    )
    if row is None:
        why = "names no build in this organization"
        raise NotFound.at("build_id", why, "find_builds shows those there are")
    return row


def _as_columns(changes: dict[str, Any]) -> dict[str, Any]:
    columns = dict(changes)
    if "is_active" in columns:
        columns["is_active"] = int(columns["is_active"])
    if columns.get("metadata") is not None:
        columns["metadata"] = json.dumps(columns["metadata"], ensure_ascii=False)
    return columns


def _remember_update(tx: Transaction, caller: Caller, row: Row, changes: dict[str, Any]) -> None:
    before = _build(row).model_dump()
    history.record(
        tx,
        caller.actor,
        "build.updated",
        subject_id=row["id"],
        ticket_id=row["source_id"] if row["source_type"] == "ticket" else None,
        build_id=row["id"],
        before={name: before[name] for name in changes},
        after=changes,
    )


def _updated(tx: Transaction, row: Row, masked: list[str] | None = None) -> UpdatedBuild:
    return UpdatedBuild.model_validate({**_builds(tx, [row])[0].model_dump(), "masked": masked})


def _builds(tx: Transaction, rows: Sequence[Row]) -> list[Build]:
    """Return builds, each with its run where a ticket started it."""
    started = runs.of_builds(tx, [row["id"] for row in rows])
    return [_build({**row, "run": started.get(row["id"])}) for row in rows]


def _build(row: Row) -> Build:
    metadata = json.loads(row["metadata"]) if row["metadata"] else None
    return Build.model_validate({**row, "metadata": metadata})
