"""From failures of the database to errors of ours; the driver's words go to the log alone."""

import logging
from collections.abc import Mapping

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from mcp_handoff.errors import BackendUnavailable, Misconfigured
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
    reason = next((why for kind, why in _REASONS.items() if isinstance(error, kind)), None)
    if reason is None:
        return error
    logger.error("the store failed", exc_info=error)
    return BackendUnavailable(f"The database could not do it: {reason}. Nothing was changed.")


_REASONS: Mapping[type[Exception], str | None] = {
    errors.PipelineAborted: None,  # what had failed was not heeded
    errors.SerializationFailure: "too many wrote the same at once; try again",
    errors.DeadlockDetected: "too many wrote the same at once; try again",
    errors.LockNotAvailable: "others kept it locked for 10 seconds; try again",
    errors.ReadOnlySqlTransaction: "it takes no writes, as a standby does",
    errors.InsufficientPrivilege: "its user may not do this",
    errors.DiskFull: "its disk is full; free some space",
    errors.IoError: "its disk failed",
    errors.DataCorrupted: "it is damaged; restore it from a copy",
    errors.IndexCorrupted: "it is damaged; restore it from a copy",
    errors.TooManyConnections: "it has no connection left; try again",
    errors.OutOfMemory: "there is no memory left",
    errors.QueryCanceled: "it took too long and was cancelled; try again",
    psycopg.OperationalError: "it can't be reached; try again",
}


def unusable(name: str, error: psycopg.Error) -> Misconfigured:
    """Return what stops the start when a database can't be opened."""
    logger.debug("opening the store failed", exc_info=error)
    text = str(error).lower()
    reason = next((why for sign, why in _REFUSALS.items() if sign in text), None)
    return Misconfigured(f"{name} can't be used: {reason or 'it refused the connection'}.")


_REFUSALS: Mapping[str, str] = {
    "permission denied": "its user may not create tables there",
    "read-only": "it takes no writes, as a standby does; set HANDOFF_READ_ONLY=1 to only read it",
    "password": "it refused the user or the password",
    "role": "it refused the user or the password",
    "does not exist": "it has no database of that name",
    "pg_hba.conf": "it lets this user in from nowhere near here, or not without TLS",
    "ssl": "TLS could not be had as sslmode asks for it",
    "certificate": "TLS could not be had as sslmode asks for it",
    "translate host": "its host is not known",
    "resolve": "its host is not known",
    "name or service": "its host is not known",
    "timeout": "it did not respond in time",
    "too many": "it has no connection left",
    "remaining connection slots": "it has no connection left",
    "starting up": "it is starting; try again",
    "shutting down": "it is shutting down",
    "refused": "nothing listens there",
    "no such file": "nothing listens there",
}
"""The driver tells the refusals of a connection apart in its text alone."""
