"""New identifiers: UUIDv7 (RFC 9562, section 5.7), which sort by the time they were made."""

from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from uuid_utils import uuid7

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def new_id() -> str:
    """Return a UUIDv7 in its usual form."""
    return str(uuid7())


def id_of(name: str, made_at: datetime) -> str:
    """Return the UUIDv7 of what was made elsewhere, under this name and at this instant: the same
    each time it is asked for."""
    milliseconds = max((made_at - _EPOCH) // timedelta(milliseconds=1), 0)
    drawn = int.from_bytes(blake2b(name.encode(), digest_size=10).digest())
    bits = milliseconds << 80 | drawn
    bits = bits & ~(0xF << 76) | 7 << 76  # version
    bits = bits & ~(0x3 << 62) | 2 << 62  # variant
    return str(UUID(int=bits))
