"""What every request passes first: its Host and its Origin, and the headers of every answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff import __version__
from mcp_handoff.errors import Forbidden
from mcp_handoff.rest.envelopes import answer

HEADERS = {
    "Handoff-Version": __version__,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


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
    """Refuses requests for a Host or from an Origin that is not allowed."""

    def __init__(self, app: ASGIApp, allowed: Allowed) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        send = _with_headers(send)
        refusal = self._refusal(Headers(scope=scope))
        app = answer(refusal, scope["path"]) if refusal else self._app
        await app(scope, receive, send)

    def _refusal(self, headers: Headers) -> Forbidden | None:
        if not self._allowed.host(headers.get("host")):
            return Forbidden(
                "This Host is not served here; --host and --allow-host name those that are."
            )
        if not self._allowed.origin(headers.get("origin")):
            return Forbidden("This Origin may not call; --allow-origin names those that may.")
        return None


def _matches(value: str, patterns: Sequence[str]) -> bool:
    bare, _, port = value.rpartition(":")
    any_port = f"{bare}:*" if port.isdigit() else f"{value}:*"
    return value in patterns or any_port in patterns


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sending
