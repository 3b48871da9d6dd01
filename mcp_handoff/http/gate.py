"""The gate: what every request passes before its door sees it, with its head read once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_handoff import __version__
from mcp_handoff.admission import Admission, admission_of
from mcp_handoff.errors import HandoffError, MethodNotAllowed, NotFound
from mcp_handoff.http.allowlist import Allowlist
from mcp_handoff.http.authentication import (
    Authentication,
    is_delivery,
    is_open,
    needs_token,
)
from mcp_handoff.http.concurrency import Concurrency
from mcp_handoff.http.connections import CONNECTION
from mcp_handoff.http.deliveries import require_signature
from mcp_handoff.http.forwarding import Clients
from mcp_handoff.http.rate_limit import RateLimit
from mcp_handoff.http.refusals import refuse_early
from mcp_handoff.http.request_ids import HEADER, identify
from mcp_handoff.http.resource import Resource
from mcp_handoff.http.streams import opens_stream
from mcp_handoff.mcp.transports import may_call_tool
from mcp_handoff.schema import TOLD_IN_HEADERS

# With `no-referrer` browsers would send our own pages' forms with `Origin: null`
# (https://fetch.spec.whatwg.org/#append-a-request-origin-header).
HEADERS = [
    (b"handoff-version", __version__.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
"""What every response has."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What is asked of a request, in this order; `limit` is none where calls are not counted,
    `keeps_deliveries` tells whether what forges tell is kept here, and `observe` hears of each
    refusal."""

    clients: Clients
    allowlist: Allowlist
    authentication: Authentication
    limit: RateLimit | None
    concurrency: Concurrency
    keeps_deliveries: bool
    observe: Callable[[HandoffError], None]


class Gate:
    """Lets a request pass that is for us, from somebody who may come in, and for which there is a
    place; all that before its body is read.

    What takes a token is kept by no cache. Refusals that another token would mend say where to get
    one, where that is `resource`'s. Browsers may call from `origins` too.
    """

    def __init__(
        self, app: ASGIApp, checks: Checks, resource: Resource | None, origins: Sequence[str]
    ) -> None:
        self._app = app
        self._checks = checks
        self._resource = resource
        self._let_in: ASGIApp = self._admit
        if origins:
            # https://fetch.spec.whatwg.org/#http-cors-protocol
            self._let_in = CORSMiddleware(
                self._admit,
                allow_origin_regex="|".join(map(_as_pattern, origins)),
                allow_methods=["GET", "POST", "PATCH", "DELETE"],
                allow_headers=["*"],
                expose_headers=[
                    "Mcp-Session-Id",
                    "Retry-After",
                    "WWW-Authenticate",
                    HEADER,
                    *TOLD_IN_HEADERS.values(),
                ],
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        name = (HEADER.encode(), identify(headers.get(HEADER, "")).encode())

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = [*message["headers"], *HEADERS, name]
                if not is_open(path) and not _forbids_storing(told):
                    told.append((b"cache-control", b"no-store"))
                message["headers"] = told
            await send(message)

        app = self._let_in
        self._checks.clients.find(scope, headers)
        try:
            self._checks.allowlist.require(path, headers)
        except HandoffError as error:
            self._checks.observe(error)
            app = refuse_early(error, scope)
        await app(scope, receive, send_with_headers)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, admission = Headers(scope=scope), admission_of(scope)
        try:
            leave = await self._find_place(scope, headers, admission)
        except HandoffError as error:
            self._checks.observe(error)
            refusal = refuse_early(error, scope)
            if isinstance(error, MethodNotAllowed):
                refusal.headers["Allow"] = "POST"
            await refusal(scope, receive, self._with_challenge(send, headers, lacks_scope=True))
            return
        if self._resource is not None:
            lacks_scope = admission.principal.role == "reader"
            send = self._with_challenge(send, headers, lacks_scope=lacks_scope)
        try:
            await self._app(scope, receive, send)
        finally:
            leave()

    async def _find_place(
        self, scope: Scope, headers: Headers, admission: Admission
    ) -> Callable[[], None]:
        """Find out whom a request comes from, and have it be under way until what this returns is
        called. Raises what refuses it."""
        checks, path = self._checks, scope["path"]
        principal = await checks.authentication.authenticate(scope, headers)
        admission.principal = principal
        if needs_token(path):
            scope["state"][CONNECTION].prove()
        if checks.limit is not None and (refusal := checks.limit.refusal(principal)):
            if not (may_call_tool(scope) and checks.limit.may_be_told(principal)):
                raise refusal
            admission.refusal = refusal
        if is_delivery(path):
            if not checks.keeps_deliveries:
                raise NotFound("This server works on an API: have the forge tell that.")
            require_signature(Request(scope))
        return checks.concurrency.take_place(principal, streams=opens_stream(scope))

    def _with_challenge(self, send: Send, headers: Headers, *, lacks_scope: bool) -> Send:
        """Return what says with a refusal that another token would mend where to get one."""
        resource = self._resource
        if resource is None:
            return send

        async def send_with_challenge(message: Message) -> None:
            status = message.get("status")
            if status == 401 or (status == 403 and lacks_scope):
                error = "insufficient_scope" if status == 403 else "invalid_token"
                challenge = resource.challenge(error if "authorization" in headers else None)
                told = (b"www-authenticate", challenge.encode("latin-1"))
                others = (one for one in message["headers"] if one[0] != told[0])
                message["headers"] = [*others, told]
            await send(message)

        return send_with_challenge


def _as_pattern(origin: str) -> str:
    """Return an origin, which may have `*` for any port, as a regular expression."""
    return re.escape(origin).replace(r":\*", r"(?::\d+)?")


def _forbids_storing(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"cache-control" and b"no-store" in value for name, value in headers)
