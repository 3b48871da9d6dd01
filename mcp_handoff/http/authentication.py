"""Who a request comes from: a token of our own, or one of the OAuth issuer that we trust."""

import re
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff.addresses import is_loopback
from mcp_handoff.admission import admission_of
from mcp_handoff.errors import HandoffError, Unauthenticated
from mcp_handoff.http.refusals import refuse_early
from mcp_handoff.http.resource import METADATA_PATH, Resource
from mcp_handoff.principals import Principal

Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Returns whom a secret belongs to; None when it is nobody's."""

_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
_REPORT = re.compile(r"/api/runs/[^/]+/report")

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Authentication:
    """Lets requests with a valid token pass, and with none those that need none.

    Without `authenticate` the server is on loopback and has no tokens: every caller is the local
    one. Refusals that another token would mend say where to get one, where that is `resource`'s.
    """

    def __init__(
        self, app: ASGIApp, authenticate: Authenticate | None, resource: Resource | None
    ) -> None:
        self._app = app
        self._authenticate = authenticate
        self._resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        app, lacks_scope = self._app, False
        try:
            if self._authenticate is not None and not _passes_without_token(scope, headers):
                principal = await _principal_of(headers, self._authenticate)
                admission_of(scope).principal = principal
                lacks_scope = principal.role == "reader"
        except HandoffError as error:
            app, lacks_scope = refuse_early(error, scope["path"]), True

        async def send_with_challenge(message: Message) -> None:
            status = message.get("status")
            if self._resource and (status == 401 or (status == 403 and lacks_scope)):
                error = "insufficient_scope" if status == 403 else "invalid_token"
                challenge = self._resource.challenge(error if "authorization" in headers else None)
                MutableHeaders(scope=message)["WWW-Authenticate"] = challenge
            await send(message)

        await app(scope, receive, send_with_challenge)


async def _principal_of(headers: Headers, authenticate: Authenticate) -> Principal:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Send a token: Authorization: Bearer mho_...")
    principal = await authenticate(secret.strip())
    if principal is None:
        raise Unauthenticated("This token is unknown, expired or revoked; ask for a new one.")
    return principal


def is_report(path: str) -> bool:
    """Tell whether an address takes reports on runs, under the run's own secret."""
    return _REPORT.fullmatch(path) is not None


def is_open(path: str) -> bool:
    """Tell whether an address may be read without a token: by anyone, or from this machine."""
    return path in _OPEN_PATHS or path.startswith(METADATA_PATH)


def _passes_without_token(scope: Scope, headers: Headers) -> bool:
    path: str = scope["path"]
    if is_report(path):
        return True
    if "authorization" in headers:
        return False
    if path == "/metrics":
        client: tuple[str, int] | None = scope.get("client")
        is_forwarded = any(name in headers for name in _FORWARDED)
        return client is not None and is_loopback(client[0]) and not is_forwarded
    return is_open(path)
