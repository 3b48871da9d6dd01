"""Who a request comes from: a token of our own, or one of the OAuth issuer that we trust."""

import re

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from mcp_handoff.admission import admission_of
from mcp_handoff.errors import Forbidden, Unauthenticated
from mcp_handoff.html.environment import STATIC
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.forwarding import is_forwarded
from mcp_handoff.http.operation import HEALTH_PATH, READY_PATH
from mcp_handoff.http.resource import METADATA_PATH
from mcp_handoff.http.wrong_tokens import WrongTokens
from mcp_handoff.portal.addresses import SIGNING_IN, is_page
from mcp_handoff.portal.rendering import SESSION_COOKIE
from mcp_handoff.principals import LOCAL, Principal
from mcp_handoff.rest.description import MOUNT_PATH
from mcp_handoff.rest.docs_page import STATIC_PATH

_OPEN_PATHS = frozenset(
    {HEALTH_PATH, READY_PATH, f"{MOUNT_PATH}/docs", f"{MOUNT_PATH}/openapi.json"}
)
_OPEN_FOLDERS = (METADATA_PATH, f"{MOUNT_PATH}{STATIC_PATH}/", f"{STATIC}/")
_REPORT = re.compile(r"/api/runs/[^/]+/report")
_DELIVERY = re.compile(rf"{MOUNT_PATH}/hooks/[^/]+")

_NO_AUTH = "It was started with --no-auth, so whoever reaches it may do everything."


class Authentication:
    """Tells whom a request comes from, by the token that it shows.

    As long as no credentials are required, everyone who calls directly from this machine is the
    local principal; without any `credentials` (`serve --no-auth`) everyone is who reaches it.
    """

    def __init__(self, credentials: Credentials | None, wrong_tokens: WrongTokens) -> None:
        self._credentials = credentials
        self._wrong_tokens = wrong_tokens

    async def authenticate(self, scope: Scope, headers: Headers) -> Principal:
        """Return the principal of a request; LOCAL where it needs no token. Raises what refuses
        it."""
        if self._credentials is None:
            admission_of(scope).open_because = _NO_AUTH
            return LOCAL
        if not needs_token(scope["path"]):
            return LOCAL
        return await _principal_of(scope, headers, self._credentials, self._wrong_tokens)


async def _principal_of(
    scope: Scope, headers: Headers, credentials: Credentials, wrong_tokens: WrongTokens
) -> Principal:
    if not await credentials.are_required():
        if is_forwarded(scope):
            raise Forbidden(
                "Nobody needs a token here, so this server takes direct calls from its own machine"
                f" alone, and this one came through a proxy. First {credentials.first_step('bot')}."
            )
        admission_of(scope).open_because = (
            "There is none yet, so whoever is at this machine may do everything. To close it,"
            f" {credentials.first_step('admin')}."
        )
        return LOCAL
    if is_page(scope["path"]):
        session = Request(scope).cookies.get(SESSION_COOKIE)
        principal = await credentials.authenticate_session(session) if session else None
        if principal is None:
            raise Unauthenticated("Sign in with a token.")
        return principal
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Send a token: Authorization: Bearer mho_...")
    try:
        principal = await credentials.authenticate(secret.strip())
        if principal is None:
            raise Unauthenticated("This token is unknown, expired or revoked; ask for a new one.")
    except Unauthenticated:
        await wrong_tokens.hold(admission_of(scope).client)
        raise
    return principal


def needs_token(path: str) -> bool:
    """Tell whether whoever comes to an address shows a token, where tokens are asked for."""
    return not (is_open(path) or takes_other_proof(path))


def takes_other_proof(path: str) -> bool:
    """Tell whether what comes to an address proves itself by something else than a token."""
    return is_report(path) or is_delivery(path) or path in SIGNING_IN


def is_delivery(path: str) -> bool:
    """Tell whether an address takes what forges tell, under a repository's own secret."""
    return _DELIVERY.fullmatch(path) is not None


def is_report(path: str) -> bool:
    """Tell whether an address takes reports on runs, under the run's own secret."""
    return _REPORT.fullmatch(path) is not None


def is_open(path: str) -> bool:
    """Tell whether anyone may read an address, whatever token they show or don't."""
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDERS)
