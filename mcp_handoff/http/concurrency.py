"""How many requests may be under way at once, and how many of them may be streams."""

from collections import Counter
from collections.abc import Callable
from functools import partial

from mcp_handoff.errors import RateLimited
from mcp_handoff.http.capacity import Capacity
from mcp_handoff.principals import LOCAL, Principal

_RETRY_SECONDS = 5.0


class Concurrency:
    """Lets each token have its share of the requests under way, and of the streams, which stay.

    Whoever needs no token has no share of its own; of streams all together leave room for calls.
    """

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._streams = Counter[str]()
        self._calls = Counter[str]()

    def take_place(self, principal: Principal, *, streams: bool) -> Callable[[], None]:
        """Have a request be under way until what this returns is called. Raises RateLimited where
        there is no place for it."""
        name, under_way = principal.id, self._streams if streams else self._calls
        self._require_place(name, under_way)
        under_way[name] += 1
        return partial(_leave, name, under_way)

    def _require_place(self, name: str, under_way: Counter[str]) -> None:
        if under_way is self._streams:
            what, share = "streams are open", self._capacity.streams_of_one
            if under_way.total() >= self._capacity.streams:
                raise _too_many(f"All {self._capacity.streams:,} {what}")
        else:
            what, share = "requests are under way", self._capacity.calls_of_one
        if name != LOCAL.id and under_way[name] >= share:
            raise _too_many(f"{share:,} {what} with this token, and no more may be")


def _leave(name: str, under_way: Counter[str]) -> None:
    under_way[name] -= 1
    if not under_way[name]:
        del under_way[name]


def _too_many(what: str) -> RateLimited:
    return RateLimited(
        f"{what}; end one, or come back in {_RETRY_SECONDS:.0f} s.", retry_after=_RETRY_SECONDS
    )
