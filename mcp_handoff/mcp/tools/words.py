"""Sentences that several answers share."""

from mcp_handoff.schema import Replayable

MASKED = "What looked like a token or a key was masked in the fields that masked names."


def replay(result: Replayable) -> str:
    """Return the beginning of an answer that was given before under the same idempotency key."""
    return "Done before, under this idempotency_key: " if result.replayed else ""


def moment(timestamp: str | None) -> str | None:
    """Return an instant to the minute: nothing is decided by less."""
    return timestamp and f"{timestamp[:16]}Z"


def page_words(shown: int, what: str, next_cursor: str | None) -> str:
    """Return how many there are in all, where that is known, and how many are shown; `what` is
    what one of them is called."""
    named = what if shown == 1 else f"{what}s"
    if next_cursor is None:
        return f"{shown} {named}."
    return f"{shown} {named} shown; the same call with next_cursor as its cursor shows more."
