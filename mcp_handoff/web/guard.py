"""What every request passes before it reaches a door: its Host, its Origin and its token."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.errors import Forbidden, HandoffError, Unauthenticated
from mcp_handoff.rest.envelopes import answer
from mcp_handoff.tokens import LOCAL, Principal

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""What needs no token: whether the process lives and is ready."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}

Recognise = Callable[[str], Awaitable[Principal | None]]


@dataclass(frozen=True, slots=True)
class Allowed:
    """The Host and Origin headers that are answered; `name:*` stands for any port."""

    hosts: Sequence[str]
    origins: Sequence[str]

    def host(self, value: str | None) -> bool:
        return value is not None and _matches(value.lower(), self.hosts)

    def origin(self, value: str | None) -> bool:
        return value is None or _matches(value.lower(), self.origins)


class Guard:
    """An ASGI application in front of the doors.

    `recognise` tells whom a token belongs to; None stands for a server on loopback that has no
    tokens, where every caller is the local one.
    """

    def __init__(self, doors: ASGIApp, allowed: Allowed, recognise: Recognise | None) -> None:
        self._doors = doors
        self._allowed = allowed
        self._recognise = recognise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._doors(scope, receive, send)
            return
        try:
            self._check_headers(Headers(scope=scope))
            await self._admit(scope)
        except HandoffError as error:
            await answer(error, scope["path"])(scope, receive, send)
            return
        await self._doors(scope, receive, _with_security_headers(send))

    def _check_headers(self, headers: Headers) -> None:
        if not self._allowed.host(headers.get("host")):
            raise Forbidden(
                "This Host is not served here; --host and --allow-host name those that are."
            )
        if not self._allowed.origin(headers.get("origin")):
            raise Forbidden("This Origin may not call; --allow-origin names those that may.")

    async def _admit(self, scope: Scope) -> None:
        scope.setdefault("state", {})
        if self._recognise is None:
            scope["state"]["principal"] = LOCAL
        elif scope["path"] not in OPEN_PATHS:
            scope["state"]["principal"] = await self._authenticate(Headers(scope=scope))

    async def _authenticate(self, headers: Headers) -> Principal:
        assert self._recognise is not None
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthenticated("Send a token: Authorization: Bearer mho_...")
        principal = await self._recognise(secret.strip())
        if principal is None:
            raise Unauthenticated("This token is unknown, expired or revoked; ask for a new one.")
        return principal


def _matches(value: str, patterns: Sequence[str]) -> bool:
    bare, _, port = value.rpartition(":")
    any_port = f"{bare}:*" if port.isdigit() else f"{value}:*"
    return value in patterns or any_port in patterns


def _with_security_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(SECURITY_HEADERS)
        await send(message)

    return sending
