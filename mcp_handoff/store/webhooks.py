"""Webhooks, and what becomes of the attempts to tell them."""

import json
from collections.abc import Mapping
from typing import Any

from mcp_handoff.actors import Caller, system
from mcp_handoff.addresses import server_of
from mcp_handoff.dispatches import Attempt, Dispatch, Target
from mcp_handoff.errors import NotFound
from mcp_handoff.events import EventKind
from mcp_handoff.ids import new_id
from mcp_handoff.schema import timestamp
from mcp_handoff.store import history, projects
from mcp_handoff.store.transaction import Row, Transaction, insert
from mcp_handoff.webhooks import (
    TEST,
    AddedWebhook,
    AddWebhook,
    ListWebhooks,
    RemovedWebhook,
    RemoveWebhook,
    Webhook,
    WebhookList,
    WebhookTest,
    WebhookUnderTest,
    new_secret,
    require_room,
)

_DISPATCHER = system("dispatch")
_SELECT = (
    "SELECT w.*, p.slug AS project,"
    " (SELECT count(*) FROM outbox o WHERE o.webhook_id = w.id) AS waiting"
    " FROM webhooks w LEFT JOIN projects p ON p.id = w.project_id"
)


def add_webhook(tx: Transaction, caller: Caller, request: AddWebhook) -> AddedWebhook:
    """Add a webhook, which hears of what happens from now on."""
    require_room(len(tx.fetch_all("SELECT id FROM webhooks")))
    project = projects.require(tx, caller, request.project) if request.project else None
    secret = new_secret() if request.format == "standard" else None
    row = {
        "id": new_id(),
        "project_id": project and project["id"],
        "url": request.url,
        "secret": secret,
        "format": request.format,
        "events": json.dumps(request.events),
        "position": _newest_event(tx),
        "created_at": timestamp(tx.now),
    }
    insert(tx, "webhooks", row)
    added = _shown({**row, "project": project and project["slug"]})
    _add_event(tx, caller, "webhook.added", row, after=_described(added))
    return AddedWebhook(webhook=added, secret=secret)


def list_webhooks(tx: Transaction, caller: Caller, request: ListWebhooks) -> WebhookList:
    """Return all webhooks, the oldest first."""
    rows = tx.fetch_all(f"{_SELECT} ORDER BY w.id")
    return WebhookList(webhooks=[_shown(row) for row in rows])


def remove_webhook(tx: Transaction, caller: Caller, request: RemoveWebhook) -> RemovedWebhook:
    """Remove a webhook and the messages that wait for it."""
    row = _require_locked(tx, request.webhook_id)
    tx.execute("DELETE FROM webhooks WHERE id = :id", id=row["id"])
    removed = _shown(row)
    _add_event(tx, caller, "webhook.removed", row, before=_described(removed))
    return RemovedWebhook(webhook=removed)


def test_webhook(tx: Transaction, caller: Caller, request: WebhookTest) -> WebhookUnderTest:
    """Queue a message that is sent once."""
    row = _require_locked(tx, request.webhook_id)
    now = timestamp(tx.now)
    said = {"type": TEST, "timestamp": now, "data": {"webhook_id": row["id"]}}
    message = {"id": new_id(), "webhook_id": row["id"], "payload": json.dumps(said)}
    insert(tx, "outbox", {**message, "event_seq": 0, "next_attempt_at": now})
    _add_event(tx, caller, "webhook.tested", row)
    return WebhookUnderTest(webhook=_shown({**row, "waiting": row["waiting"] + 1}))


def target_of(tx: Transaction, webhook_id: str) -> Target:
    """Return where a webhook's messages go."""
    row = tx.fetch_one("SELECT * FROM webhooks WHERE id = :id", id=webhook_id)
    assert row is not None, "its messages go with it"
    return Target(row["id"], row["url"], row["secret"], row["format"])


def find_locked(tx: Transaction, webhook_id: str) -> Row | None:
    """Return a webhook, None where it was removed; nobody else changes it until the transaction
    ends."""
    return tx.fetch_one_locked(f"{_SELECT} WHERE w.id = :id", "w", id=webhook_id)


def note_attempt(tx: Transaction, webhook: Row, dispatch: Dispatch, attempt: Attempt) -> None:
    """Note how telling a webhook ended. One that gave the last answer is switched off, and one that
    took a test switched on."""
    now = timestamp(tx.now)
    if attempt.error is None:
        _change(tx, webhook, {"last_attempt_at": now, "last_taken_at": now, "last_error": None})
        if webhook["off_since"] is not None:
            again = {"off_since": None, "off_reason": None, "position": _newest_event(tx)}
            _change(tx, webhook, again)
            _add_event(tx, _DISPATCHER, "webhook.switched_on", webhook)
        return
    _change(tx, webhook, {"last_attempt_at": now, "last_error": attempt.error})
    if attempt.retry_in is None and not dispatch.is_test and webhook["off_since"] is None:
        off = {"off_since": now, "off_reason": attempt.error}
        _change(tx, webhook, off)
        tx.execute("DELETE FROM outbox WHERE webhook_id = :id", id=webhook["id"])
        _add_event(tx, _DISPATCHER, "webhook.switched_off", webhook, after=off)


def _require_locked(tx: Transaction, webhook_id: str) -> Row:
    webhook = find_locked(tx, webhook_id)
    if webhook is None:
        raise NotFound.at("webhook_id", "names no webhook", "list them to see those there are")
    return webhook


def _shown(webhook: Row) -> Webhook:
    told = {"origin": server_of(webhook["url"]), "events": json.loads(webhook["events"])}
    return Webhook.model_validate({**webhook, **told})


def _described(webhook: Webhook) -> Row:
    """Return what the history keeps of a webhook."""
    return webhook.model_dump(include={"origin", "format", "events"})


def _newest_event(tx: Transaction) -> int:
    """Return the number of the newest event."""
    row = tx.fetch_one("SELECT coalesce(max(seq), 0) AS newest FROM events")
    assert row is not None, "a maximum is always one row"
    return row["newest"]


def _change(tx: Transaction, webhook: Row, changes: Mapping[str, Any]) -> None:
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    tx.execute(f"UPDATE webhooks SET {assignments} WHERE id = :id", id=webhook["id"], **changes)


def _add_event(
    tx: Transaction,
    caller: Caller,
    kind: EventKind,
    webhook: Row,
    *,
    before: Row | None = None,
    after: Row | None = None,
) -> None:
    history.add_event(
        tx,
        caller,
        kind,
        subject_id=webhook["id"],
        project_id=webhook["project_id"],
        before=before,
        after=after,
    )
