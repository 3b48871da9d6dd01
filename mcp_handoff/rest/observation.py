"""Each request of the API within a span of its own; and those noted that never reached the desk."""

import time

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff.admission import admission_of
from mcp_handoff.calls import Call, Observe
from mcp_handoff.tracing import request_span


class Observation:
    """Goes around the API; the desk notes by itself what it was asked for."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        admission, operation = admission_of(scope), "unknown"
        begun = time.perf_counter()
        with request_span("rest", Headers(scope=scope)) as span:
            try:
                await self._app(scope, receive, send)
            finally:
                if isinstance(route := scope.get("route"), APIRoute):
                    operation = route.name
                if span is not None:
                    span.update_name(f"rest {operation}")
        if admission.error is not None and not admission.noted:
            seconds = time.perf_counter() - begun
            name, client = admission.principal.name, admission.client
            self._observe(Call("rest", operation, name, admission.error, seconds, client))
