"""How many calls each token may make."""

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff.admission import admission_of
from mcp_handoff.errors import RateLimited
from mcp_handoff.http.refusals import refuse_early
from mcp_handoff.mcp.transports import may_call_tool
from mcp_handoff.principals import LOCAL


class RateLimit:
    """Lets each token make so many calls in any minute, counted in this process alone.

    A call too many is answered 429 before its body is read. Over MCP the tool itself says so, in a
    result that an agent can read, as long as the token makes no more than half as many calls again;
    whoever does not listen is not read any more.
    """

    def __init__(self, app: ASGIApp, calls_a_minute: int) -> None:
        self._app = app
        self._limit = RateLimitItemPerMinute(calls_a_minute)
        self._told = RateLimitItemPerMinute(max(1, calls_a_minute // 2))
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        admission = admission_of(scope)
        principal, app = admission.principal, self._app
        if principal is not LOCAL and not self._limiter.hit(self._limit, principal.id):
            reset = self._limiter.get_window_stats(self._limit, principal.id).reset_time
            seconds = max(1.0, round(reset - time.time(), 1))
            allowed = f"{self._limit.amount} calls a minute are allowed with this token"
            refusal = RateLimited(f"{allowed}; go on in {seconds:.0f} s.", retry_after=seconds)
            if may_call_tool(scope) and self._limiter.hit(self._told, principal.id, "told"):
                admission.refusal = refusal
            else:
                app = refuse_early(refusal, scope)
        await app(scope, receive, send)
