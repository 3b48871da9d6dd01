"""Twice is once: a key, its principal and its operation happen a single time."""

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar

from mcp_handoff.actors import Caller
from mcp_handoff.errors import IdempotencyKeyReused
from mcp_handoff.schema import Record, Request
from mcp_handoff.store.transaction import Row, Transaction, insert, timestamp

RecordT = TypeVar("RecordT", bound=Record)


def once(
    tx: Transaction,
    caller: Caller,
    request: Request,
    result: type[RecordT],
    effect: Callable[[], RecordT],
) -> RecordT:
    """Return the result of `effect`, kept under the request's key in this same transaction.

    The same key with the same arguments gives the first result again without the effect. Raises
    IdempotencyKeyReused when the key came with other arguments.
    """
    key = getattr(request, "idempotency_key", None)
    if key is None:
        return effect()
    name = {
        "principal": caller.actor.principal,
        "operation": type(request).__name__,
        "key": key,
    }
    arguments = fingerprint({**request.model_dump(), "default_project": caller.project})
    if kept := _kept(tx, name):
        return _replayed(kept, arguments, result)
    made = effect()
    kept_row = {
        **name,
        "fingerprint": arguments,
        "result": made.model_dump_json(exclude_defaults=True),
        "created_at": timestamp(tx.now),
    }
    insert(tx, "idempotency", kept_row)
    return made


def fingerprint(content: Any) -> str:
    """Return 16 hexadecimal digits that equal content shares."""
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def _kept(tx: Transaction, name: Row) -> Row | None:
    return tx.one(
        "SELECT fingerprint, result FROM idempotency"
        " WHERE principal = :principal AND operation = :operation AND key = :key",
        **name,
    )


def _replayed(kept: Row, arguments: str, result: type[RecordT]) -> RecordT:
    if kept["fingerprint"] != arguments:
        why = "was used before with other arguments"
        raise IdempotencyKeyReused.at("idempotency_key", why, "take a new key for a new call")
    return result.model_validate_json(kept["result"])
