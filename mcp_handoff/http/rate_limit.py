"""How many calls each token may make."""

import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from mcp_handoff.errors import RateLimited
from mcp_handoff.principals import LOCAL, Principal


class RateLimit:
    """Lets each token make so many calls in any minute, counted in this process alone.

    A call too many is answered 429 before its body is read. Over MCP the tool itself says so, in a
    result that an agent can read, as long as the token makes no more than half as many calls again;
    whoever does not listen is not read any more.
    """

    def __init__(self, calls_a_minute: int) -> None:
        self._limit = RateLimitItemPerMinute(calls_a_minute)
        self._told = RateLimitItemPerMinute(max(1, calls_a_minute // 2))
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def refusal(self, principal: Principal) -> RateLimited | None:
        """Count a call, and return why it is one too many, None where it is not."""
        if principal is LOCAL or self._limiter.hit(self._limit, principal.id):
            return None
        reset = self._limiter.get_window_stats(self._limit, principal.id).reset_time
        seconds = max(1.0, round(reset - time.time(), 1))
        allowed = f"{self._limit.amount} calls a minute are allowed with this token"
        return RateLimited(f"{allowed}; go on in {seconds:.0f} s.", retry_after=seconds)

    def may_be_told(self, principal: Principal) -> bool:
        """Tell whether a tool may still say that its call was one too many."""
        return self._limiter.hit(self._told, principal.id, "told")
