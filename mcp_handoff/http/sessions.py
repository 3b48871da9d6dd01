"""How many sessions of the handshake revisions of MCP are kept, and which of them give way."""

from collections import Counter, OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.admission import Admission, admission_of
from mcp_handoff.http.capacity import Capacity
from mcp_handoff.mcp.transports import STREAMABLE_PATH
from mcp_handoff.principals import LOCAL, Principal

_HEADER = "mcp-session-id"

_Key = tuple[str, str]
"""The ids of a principal and of its session."""


@dataclass(slots=True)
class _Session:
    owner: Principal
    requests: int = 1
    """How many of its requests are under way, a stream among them."""


class Sessions:
    """Ends the longest unused session of a token that opens one too many, or of whoever has the
    most unused ones when there are too many of all.

    It ends as if its client had ended it, with DELETE. A client that comes back to it is answered
    404 and opens another (revision 2025-11-25, Session Management). One with a request under way
    stays; `Capacity` sees to it that there are others.
    """

    def __init__(self, app: ASGIApp, capacity: Capacity) -> None:
        self._app = app
        self._capacity = capacity
        self._kept = OrderedDict[_Key, _Session]()
        """The longest unused first; those that the SDK ended for their silence are among them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != STREAMABLE_PATH:
            await self._app(scope, receive, send)
            return
        owner = admission_of(scope).principal
        named = Headers(scope=scope).get(_HEADER, "")
        key = (owner.id, named)
        session = self._kept.get(key)
        if session is not None:
            session.requests += 1

        async def send_noting(message: Message) -> None:
            nonlocal key, session
            if message["type"] == "http.response.start":
                status = message["status"]
                opened = Headers(raw=message["headers"]).get(_HEADER)
                if opened and not named and status == 200:
                    key, session = (owner.id, opened), _Session(owner)
                    self._kept[key] = session
                    await self._make_room(owner, scope)
                elif status == 404 or (scope["method"] == "DELETE" and status == 200):
                    self._kept.pop(key, None)
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            if session is not None:
                session.requests -= 1
            if key in self._kept:
                self._kept.move_to_end(key)

    def use(self, owner_id: str, session_id: str) -> None:
        """Have a session count as used now."""
        if (owner_id, session_id) in self._kept:
            self._kept.move_to_end((owner_id, session_id))

    async def _make_room(self, opener: Principal, scope: Scope) -> None:
        """End one session if there is one too many, by a request to the host of `scope`."""
        key = self._one_too_many(opener)
        if key is None:
            return
        owner = self._kept.pop(key).owner
        host = (b"host", Headers(scope=scope)["host"].encode("latin-1"))
        deletion = {
            "type": "http",
            "http_version": "1.1",
            "method": "DELETE",
            "path": STREAMABLE_PATH,
            "query_string": b"",
            "headers": [host, (_HEADER.encode(), key[1].encode())],
            "state": {"admission": Admission(owner)},
        }
        await self._app(deletion, _receive_nothing, _send_to_nobody)

    def _one_too_many(self, opener: Principal) -> _Key | None:
        unused = [key for key, session in self._kept.items() if not session.requests]
        own = sum(owner == opener.id for owner, _ in self._kept)
        if opener is not LOCAL and own > self._capacity.sessions_of_one:
            giving_way = opener.id
        elif unused and len(self._kept) > self._capacity.sessions:
            giving_way, _ = Counter(owner for owner, _ in unused).most_common(1)[0]
        else:
            return None
        return next((key for key in unused if key[0] == giving_way), None)


async def _receive_nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send_to_nobody(_: Message) -> None:
    """Drop the answer to a request of our own."""
