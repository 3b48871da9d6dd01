"""The backend that a request is served from."""

from typing import Annotated

from fastapi import Depends, Request

from mcp_handoff.backend import Backend


async def _backend(request: Request) -> Backend:
    return request.app.state.backend


Desk = Annotated[Backend, Depends(_backend)]
