"""From failures of SQLite to errors of ours; its own words go to the log alone."""

import logging
from collections.abc import Mapping
from pathlib import Path

import apsw

from mcp_handoff.errors import BackendUnavailable, HandoffError, Misconfigured, OutcomeUnknown
from mcp_handoff.sqlite.locks import BUSY_SECONDS
from mcp_handoff.store.transaction import took_too_long
from mcp_handoff.text.characters import visible

logger = logging.getLogger(__name__)


def failure(error: apsw.Error, *, committing: bool = False) -> Exception:
    """Return the error that a caller gets: one that is no fault of the disk is a defect of ours.

    When the disk fails in the middle of a COMMIT, its last frame may be on it or not.
    """
    if isinstance(error, apsw.InterruptError):
        return took_too_long()
    reason = reason_of(error)
    if reason is None:
        return error
    logger.error("the store failed", exc_info=error)
    if committing and isinstance(error, apsw.IOError):
        return OutcomeUnknown(f"The store failed while committing: {reason}. Look before a retry.")
    return BackendUnavailable(f"The store could not do it: {reason}. Nothing was changed.")


def is_broken(error: Exception) -> bool:
    """Tell whether the connection that an error came from may be of no use any more."""
    passing = apsw.BusyError, apsw.FullError, apsw.InterruptError
    return isinstance(error, apsw.Error) and not isinstance(error, passing)


def unusable(path: Path, error: Exception, *, read_only: bool) -> HandoffError:
    """Return what stops the start when a file can't be opened: BackendUnavailable where the same
    start may succeed later, else Misconfigured."""
    logger.debug("opening the store failed", exc_info=error)
    reason = reason_of(error) or "it could not be opened"
    if read_only and isinstance(error, apsw.ReadOnlyError):
        reason = "SQLite must write in its directory to read it while no server has it open"
    kind = BackendUnavailable if isinstance(error, _PASSING) else Misconfigured
    return kind(f"{visible(str(path))} can't be used: {reason}.")


def reason_of(error: Exception) -> str | None:
    """Return what is wrong with the disk or the file, None when it is not that."""
    return next((why for kind, why in _REASONS.items() if isinstance(error, kind)), None)


_PASSING = apsw.BusyError, apsw.FullError, apsw.IOError, apsw.NoMemError

_REASONS: Mapping[type[Exception], str] = {
    apsw.NotADBError: "it is not a SQLite database",
    apsw.CorruptError: "it is damaged; restore it from a copy",
    apsw.ReadOnlyError: "it can't be written; set HANDOFF_READ_ONLY=1 to only read it",
    apsw.CantOpenError: "permission was denied, or its directory is gone",
    apsw.PermissionsError: "permission was denied",
    apsw.FullError: "its disk is full; free some space",
    apsw.BusyError: f"other processes kept it locked for {BUSY_SECONDS} seconds; try again",
    apsw.IOError: "its disk failed or is full",
    apsw.NoMemError: "there is no memory left",
    PermissionError: "permission was denied",
    OSError: "no file can have this name",
    ValueError: "no file can have this name",
}
