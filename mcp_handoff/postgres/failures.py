"""From failures of the database to errors of ours; the driver's words go to the log alone."""

import logging
import re
from collections.abc import Mapping
from typing import NamedTuple

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from mcp_handoff.errors import BackendUnavailable, HandoffError, Misconfigured
from mcp_handoff.store.transaction import took_too_long

logger = logging.getLogger(__name__)


def is_lost(error: psycopg.Error, left: float = 1) -> bool:
    """Tell whether the connection ended, while time is left to take another."""
    if isinstance(error, PoolTimeout | PoolClosed | errors.PipelineAborted) or left <= 0:
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(("08", "57P", "25P03"))


def failure(error: psycopg.Error, *, writing: bool) -> Exception:
    """Return the error that a caller gets: one that is no fault of the database is a defect."""
    if isinstance(error, errors.QueryCanceled) and not writing:
        return took_too_long()
    if isinstance(error, PoolTimeout) and error.__cause__:
        logger.error("the store refused a connection", exc_info=error)
        reason = _refusal(error.__cause__).reason
        return BackendUnavailable(f"The database can't be used: {reason}. Nothing was changed.")
    reason = next((why for kind, why in _REASONS.items() if isinstance(error, kind)), None)
    return error if reason is None else unavailable(error, reason)


def unavailable(error: psycopg.Error, reason: str) -> BackendUnavailable:
    """Return what a caller gets for a failure with its reason."""
    logger.error("the store failed", exc_info=error)
    return BackendUnavailable(f"The database could not do it: {reason}. Nothing was changed.")


_REASONS: Mapping[type[Exception], str | None] = {
    errors.PipelineAborted: None,  # what had failed was not heeded
    errors.SerializationFailure: "too many wrote the same at once; try again",
    errors.DeadlockDetected: "too many wrote the same at once; try again",
    errors.LockNotAvailable: "others kept it locked for 10 seconds; try again",
    errors.ReadOnlySqlTransaction: "it takes no writes, as a standby does",
    errors.InsufficientPrivilege: "its user may not do this",
    errors.UndefinedTable: "a table is missing, or its user needs GRANT USAGE on the schema",
    errors.DiskFull: "its disk is full; free some space",
    errors.IoError: "its disk failed",
    errors.DataCorrupted: "it is damaged; restore it from a copy",
    errors.IndexCorrupted: "it is damaged; restore it from a copy",
    errors.TooManyConnections: "it has no connection left; try again",
    errors.OutOfMemory: "there is no memory left",
    errors.QueryCanceled: "it took too long and was cancelled; try again",
    psycopg.OperationalError: "it can't be reached; try again",
}


def unusable(name: str, error: psycopg.Error, reason: str | None = None) -> HandoffError:
    """Return what stops the start when a database can't be opened, for a reason if it is known:
    BackendUnavailable where the same start may succeed later, else Misconfigured."""
    logger.debug("opening the store failed", exc_info=error)
    if isinstance(error, errors.InsufficientPrivilege):
        reason = reason or "its user may not create or alter tables there"
    refusal = _Refusal(reason) if reason else _refusal(error)
    kind = BackendUnavailable if refusal.passes else Misconfigured
    return kind(f"{name} can't be used: {refusal.reason}.")


class _Refusal(NamedTuple):
    """Why no connection is had, and whether that may pass without another setting."""

    reason: str
    passes: bool = False


def _refusal(error: BaseException) -> _Refusal:
    """Return why no connection is had, by the words of the driver that are no names."""
    text = re.sub('"[^"]*"', "", str(error)).lower()
    refusal = next((why for sign, why in _REFUSALS.items() if sign in text), None)
    return refusal or _Refusal("it refused the connection", passes=True)


_CREDENTIALS = _Refusal(
    "it refused the user or the password; set the right ones in HANDOFF_BACKEND and start again"
)
_NO_TLS = _Refusal("TLS could not be had as sslmode asks for it")
_NO_CONNECTION = _Refusal("it has no connection left", passes=True)
_NO_HOST = _Refusal("its host is not known", passes=True)  # or not yet, while a machine starts
_NO_LISTENER = _Refusal("nothing listens there", passes=True)

_REFUSALS: Mapping[str, _Refusal] = {
    "permission denied for database": _Refusal("its user needs GRANT CONNECT on the database"),
    "read-only": _Refusal(
        "it takes no writes, as a standby does; set HANDOFF_READ_ONLY=1 to only read it"
    ),
    "too many": _NO_CONNECTION,
    "password": _CREDENTIALS,
    "role": _CREDENTIALS,
    "does not exist": _Refusal("it has no database of that name"),
    "pg_hba.conf": _Refusal("it lets this user in from nowhere near here, or not without TLS"),
    "ssl": _NO_TLS,
    "certificate": _NO_TLS,
    "translate host": _NO_HOST,
    "resolve": _NO_HOST,
    "name or service": _NO_HOST,
    "timeout": _Refusal("it did not respond in time", passes=True),
    "remaining connection slots": _NO_CONNECTION,
    "starting up": _Refusal("it is starting; try again", passes=True),
    "shutting down": _Refusal("it is shutting down", passes=True),
    "refused": _NO_LISTENER,
    "no such file": _NO_LISTENER,
}
"""The driver tells the refusals of a connection apart in its text alone."""
