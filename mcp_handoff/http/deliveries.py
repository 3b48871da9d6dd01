"""POST /api/hooks/{forge}: what forges tell of linked repositories.

A delivery proves itself by the secret of its repository, and who signs with that may tell of this
repository alone.
"""

from functools import partial
from typing import cast

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcp_handoff.actors import BOT, Actor
from mcp_handoff.admission import admission_of
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import (
    BackendUnavailable,
    HandoffError,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
)
from mcp_handoff.hooks.forges import FORGES, Forge
from mcp_handoff.merges import Delivery, ForgeName
from mcp_handoff.principals import Principal
from mcp_handoff.rest.description import MOUNT_PATH
from mcp_handoff.rest.envelopes import error_response

ANSWER_SECONDS = 9.0
"""How long a delivery may take: GitHub gives up after 10."""


def delivery_route(desk: Desk) -> Route:
    """Return the address that forges tell."""

    async def take_delivery(request: Request) -> Response:
        try:
            taken = await _take(desk, request)
        except HandoffError as error:
            return error_response(error, request.url.path)
        return JSONResponse({"taken": taken})

    return Route(f"{MOUNT_PATH}/hooks/{{forge}}", take_delivery, methods=["POST"])


def require_signature(request: Request) -> None:
    """Raise NotFound, MethodNotAllowed or Unauthenticated for a delivery that no forge signed."""
    name = request.scope["path"].rpartition("/")[2]
    forge = FORGES.get(cast("ForgeName", name))
    if forge is None:
        raise NotFound(f"No such forge tells anything here; those that do: {', '.join(FORGES)}.")
    if request.method != "POST":
        raise MethodNotAllowed("Deliveries are sent with POST.")
    if not forge.has_signature(request.headers):
        raise Unauthenticated("A delivery has to be signed with the secret of its repository.")


async def _take(desk: Desk, request: Request) -> str:
    """Have a delivery taken; return "now", or "before" for one that is repeated."""
    name = cast("ForgeName", request.path_params["forge"])
    forge, admission = FORGES[name], admission_of(request.scope)
    # BodyLimit passes it on whole; request.body() would copy it.
    body: bytes = (await request.receive())["body"]
    with anyio.move_on_after(ANSWER_SECONDS):
        repository = await run_sync(forge.repository_of, body)
        admission.principal = Principal(id=f"{name} {repository}", name=name, role=BOT)
        visitor = Visitor("hooks", Actor(BOT, name), admission)
        read = partial(_read, forge, request, body)
        taken = await desk.take_delivery(visitor, name, repository, read)
        return "before" if taken.repeated else "now"
    raise BackendUnavailable("The store is busy; deliver it again later.")


def _read(forge: Forge, request: Request, body: bytes, secret: str) -> Delivery:
    """Return what a delivery tells once it is known to be its repository's."""
    if not forge.is_signed(request.headers, body, secret):
        raise Unauthenticated("The signature is not that of the repository's secret.")
    return forge.read(request.headers, body)
