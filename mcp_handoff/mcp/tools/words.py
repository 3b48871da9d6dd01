"""Sentences that several answers share."""

from collections.abc import Sequence

from mcp_handoff.schema import COUNTED, Replayable


def written(result: Replayable, sentence: str, masked: Sequence[str] | None = None) -> str:
    """Return what a write did, with whether it was done before under the same idempotency key, and
    whether something in these fields was masked."""
    before = "Done before, under this idempotency_key: " if result.replayed else ""
    hidden = " What looked like a token or a key was masked in the fields that masked names."
    return f"{before}{sentence}{hidden if masked else ''}"


def moment(timestamp: str | None) -> str | None:
    """Return an instant to the minute: nothing is decided by less."""
    return timestamp and f"{timestamp[:16]}Z"


def page_words(shown: int, what: str, next_cursor: str | None, total: int | None = None) -> str:
    """Return how many there are in all, where that is known, and how many are shown; `what` is
    what one of them is called."""
    more = "the same call with next_cursor as its cursor shows more"
    if total is not None and total > shown:
        counted = f"More than {COUNTED:,}" if total > COUNTED else f"{total:,}"
        told = f"{counted} {what}s, {shown} shown"
    elif shown or next_cursor is None:
        told = f"{shown or 'No'} {what}{'' if shown == 1 else 's'}"
    else:
        told, more = f"No {what} so far", "the same call with next_cursor as its cursor looks on"
    return f"{told}; {more}." if next_cursor else f"{told}."
