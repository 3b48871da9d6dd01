"""The three doors and the guard in front of them, as one ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.config import Settings
from mcp_handoff.errors import HandoffError
from mcp_handoff.projects import ListProjects
from mcp_handoff.rest.app import create_api
from mcp_handoff.server.app import HandoffServer
from mcp_handoff.server.http import BindSessions, HttpTransports
from mcp_handoff.web.guard import Allowed, Guard, Recognise


def create_app(
    server: HandoffServer, settings: Settings, allowed: Allowed, recognise: Recognise | None
) -> ASGIApp:
    """Return the application that `mcp-handoff serve` runs."""
    transports = HttpTransports(server, hosts=allowed.hosts, origins=allowed.origins)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with transports.sessions():
            yield

    async def ready(_: Request) -> Response:
        return await _readiness(server.backend)

    doors = Starlette(
        routes=[
            Route("/healthz", _healthy),
            Route("/readyz", ready),
            Mount("/api", create_api(server.backend, settings.organization)),
            *transports.routes,
        ],
        lifespan=lifespan,
    )
    return Guard(BindSessions(doors), allowed, recognise)


async def _healthy(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _readiness(backend: Backend) -> Response:
    try:
        await backend.list_projects(Caller(bot("readiness")), ListProjects())
    except HandoffError as error:
        return JSONResponse({"status": "unavailable", "error": error.message}, status_code=503)
    return JSONResponse({"status": "ok"})
