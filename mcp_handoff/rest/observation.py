"""Each call of the API, noted by the name of its operation and within a span of its own."""

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff.calls import OK, Call, Observe, observed
from mcp_handoff.tokens import LOCAL, Principal
from mcp_handoff.tracing import server_span


class Observation:
    """Goes around the API; `request.state.outcome` is the code of the error that was answered."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        principal: Principal = state.get("principal", LOCAL)
        call = Call("rest", "unknown", principal.name)
        with observed(self._observe, call), server_span("rest", Headers(scope=scope)) as span:
            try:
                await self._app(scope, receive, send)
                call.outcome = state.get("outcome", OK)
            finally:
                if isinstance(route := scope.get("route"), APIRoute):
                    call.operation = route.name
                span.update_name(f"rest {call.operation}")
