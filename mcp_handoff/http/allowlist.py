"""What every request passes first: its Host and its Origin, and the headers of every response."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff import __version__
from mcp_handoff.errors import Forbidden
from mcp_handoff.http.refusals import refuse_early

HEADERS = {
    "Handoff-Version": __version__,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Allowlist:
    """The Host and Origin headers that are served; `name:*` stands for any port."""

    hosts: Sequence[str]
    origins: Sequence[str]

    def allows_host(self, value: str | None) -> bool:
        return value is not None and _matches(value.lower(), self.hosts)

    def allows_origin(self, value: str | None) -> bool:
        return value is None or _matches(value.lower(), self.origins)


class AllowlistMiddleware:
    """Refuses requests for a Host or from an Origin that is not allowed."""

    def __init__(self, app: ASGIApp, allowlist: Allowlist) -> None:
        self._app = app
        self._allowlist = allowlist

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers, app = Headers(scope=scope), self._app
        if not self._allowlist.allows_host(headers.get("host")):
            refusal = Forbidden(
                "This Host is not served here; --host and --allow-host name those that are."
            )
            app = refuse_early(refusal, scope["path"])
        elif not self._allowlist.allows_origin(headers.get("origin")):
            refusal = Forbidden("This Origin may not call; --allow-origin names those that may.")
            app = refuse_early(refusal, scope["path"])
        await app(scope, receive, send_with_headers)


def _matches(value: str, patterns: Sequence[str]) -> bool:
    bare, _, port = value.rpartition(":")
    any_port = f"{bare}:*" if port.isdigit() else f"{value}:*"
    return value in patterns or any_port in patterns
