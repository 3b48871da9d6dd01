"""How many requests may be under way at once, and how many of them may be streams."""

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff.admission import admission_of
from mcp_handoff.errors import RateLimited
from mcp_handoff.http.capacity import Capacity
from mcp_handoff.http.refusals import refuse_early
from mcp_handoff.http.streams import opens_stream
from mcp_handoff.principals import LOCAL

_RETRY_SECONDS = 5.0


class Concurrency:
    """Lets each token have its share of the requests under way, and of the streams, which stay.

    Whoever needs no token has no share of its own; of streams all together leave room for calls.
    """

    def __init__(self, app: ASGIApp, capacity: Capacity) -> None:
        self._app = app
        self._capacity = capacity
        self._streams = Counter[str]()
        self._calls = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = admission_of(scope).principal.id
        under_way = self._streams if opens_stream(scope) else self._calls
        try:
            self._require_place(name, under_way)
        except RateLimited as error:
            await refuse_early(error, scope)(scope, receive, send)
            return
        under_way[name] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            under_way[name] -= 1
            if not under_way[name]:
                del under_way[name]

    def _require_place(self, name: str, under_way: Counter[str]) -> None:
        if under_way is self._streams:
            what, share = "streams are open", self._capacity.streams_of_one
            if under_way.total() >= self._capacity.streams:
                raise _too_many(f"All {self._capacity.streams:,} {what}")
        else:
            what, share = "requests are under way", self._capacity.calls_of_one
        if name != LOCAL.id and under_way[name] >= share:
            raise _too_many(f"{share:,} {what} with this token, and no more may be")


def _too_many(what: str) -> RateLimited:
    return RateLimited(
        f"{what}; end one, or come back in {_RETRY_SECONDS:.0f} s.", retry_after=_RETRY_SECONDS
    )
