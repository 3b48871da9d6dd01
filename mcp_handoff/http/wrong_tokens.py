"""How fast wrong tokens may be tried."""

import anyio
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from mcp_handoff.addresses import subnet_of
from mcp_handoff.errors import RateLimited

PROMPT_A_MINUTE = 20
"""How many wrong tokens of one address are answered at once."""

HOLD_SECONDS = 1.0
"""How long the answer to any more is held."""

HELD = 20
"""How many answers are held at the same time: each keeps a connection, which others may need."""

_RETRY_SECONDS = 60.0


class WrongTokens:
    """Holds the answers to wrong tokens, once there were many from one address or /64 of IPv6."""

    def __init__(self) -> None:
        self._prompt = RateLimitItemPerMinute(PROMPT_A_MINUTE)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._held = anyio.CapacityLimiter(HELD)

    async def hold(self, client: str | None) -> None:
        """Return when one may be told that its token is wrong.

        Raises RateLimited where as many as can be are waiting for that.
        """
        if self._limiter.hit(self._prompt, subnet_of(client or "")):
            return
        if not self._held.available_tokens:
            raise RateLimited(
                f"Too many wrong tokens come from your address; come back in {_RETRY_SECONDS:.0f} s"
                " with a valid one.",
                retry_after=_RETRY_SECONDS,
            )
        async with self._held:
            await anyio.sleep(HOLD_SECONDS)
