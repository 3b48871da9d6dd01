"""Who a request comes from: a token of our own, or one of the OAuth issuer that we trust."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_handoff.errors import Forbidden, HandoffError, Unauthenticated
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.rest.envelopes import answer
from mcp_handoff.tokens import LOCAL, Principal

READ, WRITE = "handoff:read", "handoff:write"
"""The scopes of OAuth tokens; who may write may read."""

METADATA_PATH = "/.well-known/oauth-protected-resource"

_OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_REPORT = re.compile(r"/api/runs/[^/]+/report")
"""Asks for the run's own secret by itself."""

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_WRITING_TOOLS = frozenset(tool.name for tool in TOOLS if not tool.reads)

Recognise = Callable[[str], Awaitable[Principal | None]]
"""Tells whom a secret belongs to; None when it is nobody's."""


@dataclass(frozen=True, slots=True)
class Resource:
    """This server as an OAuth 2.0 protected resource (RFC 9728): its address and its issuer's."""

    address: str
    issuer: str

    @property
    def metadata_paths(self) -> tuple[str, str]:
        """Where the metadata document is served: with the resource's own path, and without."""
        return f"{METADATA_PATH}{urlsplit(self.address).path.rstrip('/')}", METADATA_PATH

    @property
    def metadata_url(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}{self.metadata_paths[0]}"

    def metadata(self) -> Response:
        """Return the document of RFC 9728, section 2."""
        return JSONResponse(
            {
                "resource": self.address,
                "resource_name": "mcp-handoff",
                "authorization_servers": [self.issuer],
                "scopes_supported": [READ, WRITE],
                "bearer_methods_supported": ["header"],
            }
        )

    def challenge(self, error: str | None) -> str:
        """Return the WWW-Authenticate of a refusal (RFC 6750, section 3; RFC 9728, section 5.1)."""
        parts = {
            **({"error": error} if error else {}),
            "scope": f"{READ} {WRITE}",
            "resource_metadata": self.metadata_url,
        }
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parts.items())


class Authentication:
    """Lets requests with a valid token pass, and with none those that need none.

    Without `recognise` the server is on loopback and has no tokens: every caller is the local one.
    """

    def __init__(
        self, app: ASGIApp, recognise: Recognise | None, resource: Resource | None
    ) -> None:
        self._app = app
        self._recognise = recognise
        self._resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            principal = await self._admit(scope, headers)
        except HandoffError as error:
            await self._refused(error, scope, headers)(scope, receive, send)
            return
        if principal is not None:
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope, headers: Headers) -> Principal | None:
        if self._recognise is None:
            return LOCAL
        if _REPORT.fullmatch(scope["path"]):
            return None
        if "authorization" not in headers and _is_open(scope, headers):
            return None
        principal = await self._recognise(_secret(headers))
        if principal is None:
            raise Unauthenticated("This token is unknown, expired or revoked; ask for a new one.")
        if not principal.may_write and _writes(scope, headers):
            raise Forbidden(f"This token may only read; writing takes the scope {WRITE}.")
        return principal

    def _refused(self, error: HandoffError, scope: Scope, headers: Headers) -> Response:
        response = answer(error, scope["path"])
        if self._resource is not None and response.status_code in (401, 403):
            lacking = "insufficient_scope" if response.status_code == 403 else "invalid_token"
            told = lacking if "authorization" in headers else None
            response.headers["WWW-Authenticate"] = self._resource.challenge(told)
        return response


def _secret(headers: Headers) -> str:
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Send a token: Authorization: Bearer mho_...")
    return secret.strip()


def _is_open(scope: Scope, headers: Headers) -> bool:
    path: str = scope["path"]
    if path == "/metrics":
        client: tuple[str, int] | None = scope.get("client")
        return client is not None and is_loopback(client[0]) and not _is_forwarded(headers)
    return path in _OPEN_PATHS or path.startswith(METADATA_PATH)


def is_loopback(host: str) -> bool:
    """Tell whether an address is one of this machine alone."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _is_forwarded(headers: Headers) -> bool:
    return any(name in headers for name in ("forwarded", "x-forwarded-for", "x-real-ip"))


def _writes(scope: Scope, headers: Headers) -> bool:
    """Tell from its head whether a request writes; tools of the handshake era tell for
    themselves, for there the tool's name is in the body."""
    if scope["path"].startswith("/api/"):
        return scope["method"] not in _READING
    is_call = headers.get("mcp-method") == "tools/call"
    return is_call and headers.get("mcp-name") in _WRITING_TOOLS
