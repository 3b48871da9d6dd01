"""Page cursors: where the next page begins, bound to the query that it continues.

A cursor is checked, it is no secret: whoever makes one up for a query of its own begins elsewhere
among the rows that this query may show it.
"""

import base64
import json
from hashlib import blake2b

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.projects import slug_of
from mcp_handoff.schema import Request

_UNBOUND = {"cursor", "limit", "project", "org", "ticket", "wait_s"}
"""What may differ from page to page: the paging, the wait, and by which of its names a thing is
called."""

_DIGEST_BYTES = 6


def encode(position: int | str, request: Request, *scope: str) -> str:
    """Return the cursor of the rows of `request` that come after `position`; `scope` are the ids
    of what the request names."""
    # A filter that is added later leaves the cursors as they are of whoever does not use it.
    filters = request.model_dump(exclude=_UNBOUND, exclude_defaults=True)
    query = json.dumps([*scope, filters], sort_keys=True)
    text = str(position).encode()
    digest = blake2b(text + query.encode(), digest_size=_DIGEST_BYTES).digest()
    return base64.urlsafe_b64encode(digest + text).decode().rstrip("=")


def decode_number(cursor: str | None, request: Request, *scope: str) -> int | None:
    """Return the number in `cursor`, None without one.

    Raises ValidationFailed when it was altered or belongs to another query.
    """
    text = _decode(cursor, request, *scope)
    if text is None:
        return None
    if not text.isdecimal() or int(text) >= 2**63:
        raise _refusal()
    return int(text)


def decode_slug(cursor: str | None, request: Request, *scope: str) -> str | None:
    """Return the slug in `cursor`, as decode_number does a number."""
    text = _decode(cursor, request, *scope)
    if text is not None and text != slug_of(text):
        raise _refusal()
    return text


def _decode(cursor: str | None, request: Request, *scope: str) -> str | None:
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        position = raw[_DIGEST_BYTES:].decode()
    except ValueError:
        raise _refusal() from None
    if cursor != encode(position, request, *scope):
        raise _refusal()
    return position


def _refusal() -> ValidationFailed:
    why = "must be the next_cursor of a page with these same filters"
    return ValidationFailed.at("cursor", why, "leave it out to start again")
