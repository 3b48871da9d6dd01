"""Page cursors: where the next page begins, bound to the query that it continues."""

import base64
import json
from hashlib import blake2b

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.schema import Request

_PAGING = {"cursor", "limit"}
_DIGEST_BYTES = 6


def encode(request: Request, position: int) -> str:
    """Return the cursor of the rows of `request` that come after `position`."""
    number = position.to_bytes(8, "big")
    filters = json.dumps(request.model_dump(exclude=_PAGING), sort_keys=True)
    digest = blake2b(number + filters.encode(), digest_size=_DIGEST_BYTES).digest()
    return base64.urlsafe_b64encode(number + digest).decode().rstrip("=")


def decode(request: Request, cursor: str | None) -> int | None:
    """Return the position in `cursor`, None without one.

    Raises ValidationFailed when it was altered or belongs to another query.
    """
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raw = b""
    position = int.from_bytes(raw[:8], "big")
    if position >= 2**63 or cursor != encode(request, position):
        why = "must be the next_cursor of a page with these same filters"
        raise ValidationFailed.at("cursor", why, "leave it out to start anew")
    return position
