"""Twice is once: a key, its owner and its operation happen a single time."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial, wraps
from hashlib import blake2b
from typing import Any, Concatenate, ParamSpec, TypeVar

from mcp_handoff.actors import Caller
from mcp_handoff.errors import HandoffError, IdempotencyKeyReused
from mcp_handoff.schema import Replayable, Request, timestamp
from mcp_handoff.store.transaction import Transaction, insert

P = ParamSpec("P")
RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT", bound=Replayable)

Operation = Callable[Concatenate[Transaction, Caller, RequestT, P], ResultT]

_ENCODER = json.JSONEncoder(sort_keys=True)

FORGOTTEN = 1_000
"""The most keys that one transaction forgets."""

Access = Callable[[Transaction, Caller, Any], object]
"""Raises what an operation would raise for a caller who may no longer see what it is about."""


def once(
    result: type[ResultT], access: Access, *, absent_is_null: bool = True
) -> Callable[[Operation[RequestT, P, ResultT]], Operation[RequestT, P, ResultT]]:
    """Keep what an operation returns under its request's `idempotency_key`, in the transaction of
    its effect.

    The same key with the same arguments gives the first result again without the effect, as
    `replayed`, once `access` has let the caller pass; with others it raises IdempotencyKeyReused.
    `absent_is_null` tells whether an argument that is absent means the same as null.
    """

    def decorate(operation: Operation[RequestT, P, ResultT]) -> Operation[RequestT, P, ResultT]:
        @wraps(operation)
        def replay_or_run(
            tx: Transaction, caller: Caller, request: RequestT, *args: P.args, **kwargs: P.kwargs
        ) -> ResultT:
            key = getattr(request, "idempotency_key", None)
            if key is None:
                return operation(tx, caller, request, *args, **kwargs)
            name = {"principal": caller.owner, "operation": type(request).__name__, "key": key}
            given = request.model_dump(exclude_unset=not absent_is_null)
            arguments = fingerprint({**given, "default_project": caller.project})
            let_pass = partial(access, tx, caller, request)
            first_result = partial(_first_result, tx, name, arguments, let_pass)
            if kept := first_result():
                return _replay(result, kept)
            try:
                made = operation(tx, caller, request, *args, **kwargs)
            except HandoffError:
                # The same call may have been done while this one waited for its locks.
                if kept := first_result():
                    return _replay(result, kept)
                raise
            row = {
                **name,
                "fingerprint": arguments,
                "result": made.model_dump_json(exclude_defaults=True),
                "created_at": timestamp(tx.now),
            }
            insert(tx, "idempotency", row)
            return made

        return replay_or_run

    return decorate


def _first_result(
    tx: Transaction, name: Mapping[str, str], arguments: str, let_pass: Callable[[], object]
) -> str | None:
    """Return what the first call under a key returned, as JSON, None where there was none.

    Raises IdempotencyKeyReused when that had other arguments, and what `let_pass` raises.
    """
    kept = tx.fetch_one(
        "SELECT fingerprint, result FROM idempotency"
        " WHERE principal = :principal AND operation = :operation AND key = :key",
        **name,
    )
    if kept is None:
        return None
    let_pass()
    if kept["fingerprint"] != arguments:
        why = "was used before with other arguments"
        raise IdempotencyKeyReused.at("idempotency_key", why, "take a new key for a new call")
    return kept["result"]


def _replay(result: type[ResultT], kept: str) -> ResultT:
    return result.model_validate_json(kept).model_copy(update={"replayed": True})


def are_old_keys_kept(tx: Transaction, days: int) -> bool:
    """Tell whether a key was used more than so many days ago."""
    old = "SELECT 1 FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT 1"
    return tx.fetch_one(old, before=_days_ago(tx, days)) is not None


def forget_keys(tx: Transaction, days: int) -> None:
    """Forget keys that were used more than so many days ago: FORGOTTEN at most, oldest first."""
    tx.execute(
        "DELETE FROM idempotency WHERE (principal, operation, key) IN (SELECT principal, operation,"
        f" key FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT {FORGOTTEN})",
        before=_days_ago(tx, days),
    )


def _days_ago(tx: Transaction, days: int) -> str:
    return timestamp(tx.now - timedelta(days=days))


def fingerprint(content: Any) -> str:
    """Return 16 hexadecimal digits that equal content shares."""
    return blake2b(_ENCODER.encode(content).encode(), digest_size=8).hexdigest()
