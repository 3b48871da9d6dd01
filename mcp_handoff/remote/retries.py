"""When a request to an API is made again, and after what wait."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from mcp_handoff.errors import BackendUnavailable, OutcomeUnknown, RateLimited

ResultT = TypeVar("ResultT")

# Its own hooks would warn of each retry; those that matter end in an error.
stamina.instrumentation.set_on_retry_hooks([])


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long an API is waited for, in seconds, and how often it is asked.

    `connect` and `read` are for an attempt, `call` for all attempts together; `wait` is the longest
    pause that an API may ask for and get, a longer one is the caller's; `pause` is the first one
    that we take ourselves.
    """

    connect: float = 5.0
    read: float = 20.0
    call: float = 45.0
    wait: float = 5.0
    pause: float = 0.1
    attempts: int = 4


class RetryBudget:
    """Keeps retries few among calls, so that they don't hold down an API that is coming up.

    Each retry costs one, each call that succeeds gives a fifth back: enough for an API that loses
    every tenth response, and a load that grows by a fifth at most.
    """

    MOST = 10.0

    def __init__(self) -> None:
        self._left = self.MOST

    def take(self) -> bool:
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def give_back(self) -> None:
        self._left = min(self.MOST, self._left + 0.2)


class Retries:
    """Makes the requests to one API again where that can help, within one budget."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._budget = RetryBudget()
        self._caller = stamina.AsyncRetryingCaller(
            attempts=policy.attempts,
            timeout=None,
            wait_initial=policy.pause,
            wait_jitter=policy.pause,
            wait_max=2.0,
        )

    async def run(
        self, attempt: Callable[[], Awaitable[ResultT]], *, honours_key: Callable[[], bool]
    ) -> ResultT:
        """Return what `attempt` returns, made again after what may pass.

        After OutcomeUnknown that is safe only under an idempotency key that the API honours, which
        `honours_key` is asked once an attempt has failed: a response may have shown it by then.
        Raises the error of the last attempt.
        """

        def pause_after(error: Exception) -> bool | float:
            """Return whether to make another attempt, or after how many seconds."""
            if not isinstance(error, RateLimited | BackendUnavailable | OutcomeUnknown):
                return False
            if isinstance(error, OutcomeUnknown) and not honours_key():
                return False
            asked = error.retry_after or 0.0
            if asked > self._policy.wait:
                return False
            if not self._budget.take():
                return False
            return asked if asked > 0 else True

        result = await self._caller(pause_after, attempt)
        self._budget.give_back()
        return result
