"""What every request passes first: its Host and its Origin, and the headers of every response."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff import __version__
from mcp_handoff.addresses import split_address
from mcp_handoff.errors import Forbidden
from mcp_handoff.http.authentication import is_open
from mcp_handoff.http.operation import HEALTH_PATH
from mcp_handoff.http.refusals import refuse_early

# With `no-referrer` browsers would send our own pages' forms with `Origin: null`
# (https://fetch.spec.whatwg.org/#append-a-request-origin-header).
HEADERS = {
    "Handoff-Version": __version__,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Allowlist:
    """The Host and Origin headers that are served; `name:*` stands for any port."""

    hosts: Sequence[str]
    origins: Sequence[str]

    def allows_host(self, value: str) -> bool:
        return _matches(value.lower(), self.hosts)

    def allows_origin(self, value: str | None, host: str) -> bool:
        """Tell whether a page of this origin may call: of our own, at an allowed Host, any may."""
        if value is None or split_address(value).netloc == host.lower():
            return True
        return _matches(value.lower(), self.origins)


class AllowlistMiddleware:
    """Refuses requests for a Host or from an Origin that is not allowed.

    /healthz is for whoever reaches it, under whatever name. What takes a token is kept by no cache.
    """

    def __init__(self, app: ASGIApp, allowlist: Allowlist) -> None:
        self._app = app
        self._allowlist = allowlist

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not is_open(path) and "no-store" not in headers.get("cache-control", ""):
                    headers.append("Cache-Control", "no-store")
            await send(message)

        headers, app = Headers(scope=scope), self._app
        host, origin = headers.get("host", ""), headers.get("origin")
        if path == HEALTH_PATH:
            pass
        elif not self._allowlist.allows_host(host):
            refusal = Forbidden(
                "This Host is not served here; --host and --allow-host name those that are."
            )
            app = refuse_early(refusal, scope)
        elif not self._allowlist.allows_origin(origin, host):
            refusal = Forbidden("This Origin may not call; --allow-origin names those that may.")
            app = refuse_early(refusal, scope)
        await app(scope, receive, send_with_headers)


def _matches(value: str, patterns: Sequence[str]) -> bool:
    bare, _, port = value.rpartition(":")
    any_port = f"{bare}:*" if port.isdigit() else f"{value}:*"
    return value in patterns or any_port in patterns
