"""Retry-After: how long the other side asks to be left alone (RFC 9110, section 10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_of(header: str | None) -> float | None:
    """Return the seconds that a header asks for, by number or by date; None when it is neither."""
    if header is None:
        return None
    if header.isdecimal():
        return float(header[:9])
    try:
        until = parsedate_to_datetime(header)
        left = (until - datetime.now(UTC)).total_seconds() if until.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return None if left is None else max(0.0, left)
