"""What every endpoint asks for: the desk, the visitor, and the body as it was sent."""

import json
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from mcp_handoff.actors import Actor
from mcp_handoff.admission import admission_of
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import Malformed
from mcp_handoff.projects import FALLBACK_SLUG

# All are asynchronous, or FastAPI would send each request through its thread pool for each of them.


async def _desk(request: Request) -> Desk:
    return request.app.state.desk


async def _visitor(request: Request) -> Visitor:
    actor = Actor(role="user", source="portal")
    return Visitor("rest", actor, admission_of(request.scope), project=FALLBACK_SLUG)


async def read_body(request: Request) -> dict[str, Any]:
    """Return the JSON object that was sent. Without its content type it is refused: a page of
    another origin can send anything else without asking (https://fetch.spec.whatwg.org/#cors-safelisted-method).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        value = json.loads(await request.body()) if kind == "application/json" else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Malformed("The body must be one JSON object, with Content-Type: application/json.")
    return cast(dict[str, Any], value)


DeskDep = Annotated[Desk, Depends(_desk)]

VisitorDep = Annotated[Visitor, Depends(_visitor)]
"""Whoever the token stands for, until its body claims otherwise."""

Body = Annotated[dict[str, Any], Depends(read_body)]
"""What was sent; the desk checks it, and `json_body` describes it."""
