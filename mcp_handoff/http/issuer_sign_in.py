"""Signing in to the portal at the OAuth issuer."""

import time

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mcp_handoff.admission import admission_of
from mcp_handoff.errors import Forbidden, HandoffError, Malformed, Unauthenticated
from mcp_handoff.http.code_flow import Attempt, CodeFlow
from mcp_handoff.http.credentials import Credentials, access_session
from mcp_handoff.http.sign_in import sign_in_page
from mcp_handoff.http.wrong_tokens import WrongTokens
from mcp_handoff.portal.addresses import (
    BACK_FROM_ISSUER,
    BOARD,
    SIGN_IN,
    SIGN_IN_AT_ISSUER,
    local_address,
)
from mcp_handoff.portal.rendering import SESSION_COOKIE, set_cookie
from mcp_handoff.principals import Principal
from mcp_handoff.rest.envelopes import STATUSES

ATTEMPT_COOKIE = "handoff_sign_in"

ATTEMPT_SECONDS = 600
"""How long somebody may take at the issuer."""

COOKIE_BYTES = 4000
"""The most that a cookie may hold: browsers keep none of more than 4096 with its name (RFC 6265,
section 6.1)."""


class IssuerSignIn:
    """Where people leave for the issuer, and where they come back from it.

    They come back to `public_url`, or else to the host that they called.
    """

    def __init__(
        self,
        flow: CodeFlow,
        credentials: Credentials,
        wrong_tokens: WrongTokens,
        public_url: str | None,
    ) -> None:
        self._flow = flow
        self._credentials = credentials
        self._wrong_tokens = wrong_tokens
        self._public_url = public_url

    @property
    def routes(self) -> list[Route]:
        return [
            Route(SIGN_IN_AT_ISSUER, self._leave, methods=["GET"]),
            Route(BACK_FROM_ISSUER, self._come_back, methods=["GET"]),
        ]

    async def _leave(self, request: Request) -> Response:
        wanted = request.query_params.get("next", BOARD)
        attempt = Attempt.begin(wanted)
        if len(str(attempt)) > COOKIE_BYTES:
            attempt = Attempt.begin(BOARD)
        try:
            address = await self._flow.begin(attempt, self._back(request))
        except HandoffError as error:
            return self._refuse(request, attempt.next, error)
        response = RedirectResponse(address, status_code=303)
        set_cookie(request, response, ATTEMPT_COOKIE, str(attempt), ATTEMPT_SECONDS, path=SIGN_IN)
        return response

    async def _come_back(self, request: Request) -> Response:
        attempt = Attempt.parse(request.cookies.get(ATTEMPT_COOKIE, ""))
        if not attempt or not attempt.is_answered_by(request.query_params.get("state", "")):
            error = Malformed(
                "This sign-in was not begun in this browser, or too long ago; sign in once more."
            )
            return self._refuse(request, attempt.next if attempt else BOARD, error)
        try:
            principal, session = await self._let_in(request, attempt)
        except HandoffError as error:
            response = self._refuse(request, attempt.next, error)
        else:
            response = RedirectResponse(local_address(attempt.next), status_code=303)
            seconds = max(1, int((principal.expires_at or 0) - time.time()))
            set_cookie(request, response, SESSION_COOKIE, session, seconds)
        response.delete_cookie(ATTEMPT_COOKIE, path=SIGN_IN)
        return response

    async def _let_in(self, request: Request, attempt: Attempt) -> tuple[Principal, str]:
        """Return who was signed in, and the session for that; those who are not wait, once there
        are many of them (RateLimited when too many do)."""
        try:
            token = await self._flow.finish(attempt, request.query_params, self._back(request))
            return await _open_session(self._credentials, token)
        except (Forbidden, Unauthenticated):
            await self._wrong_tokens.hold(admission_of(request.scope).client)
            raise

    def _back(self, request: Request) -> str:
        return f"{(self._public_url or str(request.base_url)).rstrip('/')}{BACK_FROM_ISSUER}"

    def _refuse(self, request: Request, address: str, error: HandoffError) -> Response:
        status = STATUSES[error.code]
        return sign_in_page(request, self._flow.host, address, refused=error.message, status=status)


async def _open_session(credentials: Credentials, token: str) -> tuple[Principal, str]:
    """Return whom an access token was issued to, and the session for that.

    Raises Unauthenticated for a token that does not hold, Forbidden for one that signs nobody in.
    """
    session = access_session(token)
    if len(session) > COOKIE_BYTES:
        raise Forbidden(
            f"The issuer's token for you has {len(token):,} characters, more than a browser keeps;"
            " whoever runs the issuer has to put less into the tokens for this desk."
        )
    principal = await credentials.authenticate_session(session)
    if principal is None:
        raise Unauthenticated(
            "The issuer's token for you is none for people at this desk: it is a bot's, or for"
            " something else, or has expired."
        )
    return principal, session
