"""An id for each request: in its response, and in every line of the log that it leaves."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.ids import new_id
from mcp_handoff.logs import request_id

HEADER = "X-Request-Id"

_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class RequestIds:
    """Takes the id that a proxy in front gave, when it is a plain one, or makes one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get(HEADER, "")
        name = given if _PLAIN.fullmatch(given) else new_id()
        request_id.set(name)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        await self._app(scope, receive, sending)
