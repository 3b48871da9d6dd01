"""New identifiers: UUIDv7 (RFC 9562, section 5.7), which sort by the time they were made."""

from uuid_utils import uuid7


def new_id() -> str:
    """Return a UUIDv7 in its usual form."""
    return str(uuid7())
