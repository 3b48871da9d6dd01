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

ADDRESS_LENGTH = 2000
"""The longest address that one is brought back to; a longer one leads to the board."""

SESSION_BYTES = 4000
"""The most that a session may hold: browsers keep no cookie of more than 4096 with its name (RFC
6265, section 6.1)."""


def issuer_sign_in_routes(
    flow: CodeFlow, credentials: Credentials, wrong_tokens: WrongTokens, public_url: str | None
) -> list[Route]:
    """Return where people leave for the issuer, and where they come back from it."""

    def back_to(request: Request) -> str:
        return f"{(public_url or str(request.base_url)).rstrip('/')}{BACK_FROM_ISSUER}"

    async def leave(request: Request) -> Response:
        wanted = request.query_params.get("next", BOARD)
        attempt = Attempt.begin(wanted if len(wanted) <= ADDRESS_LENGTH else BOARD)
        try:
            address = await flow.begin(attempt, back_to(request))
        except HandoffError as error:
            return _refused(request, flow, attempt.next, error)
        response = RedirectResponse(address, status_code=303)
        set_cookie(request, response, ATTEMPT_COOKIE, str(attempt), ATTEMPT_SECONDS, path=SIGN_IN)
        return response

    async def come_back(request: Request) -> Response:
        attempt = Attempt.parse(request.cookies.get(ATTEMPT_COOKIE, ""))
        if not attempt or not attempt.is_answered_by(request.query_params.get("state", "")):
            error = Malformed(
                "This sign-in was not begun in this browser, or too long ago; sign in once more."
            )
            return _refused(request, flow, attempt.next if attempt else BOARD, error)
        try:
            token = await flow.finish(attempt, request.query_params, back_to(request))
            principal, session = await _let_in(credentials, token)
        except (Forbidden, Unauthenticated) as error:
            await wrong_tokens.hold(admission_of(request.scope).client)
            response = _refused(request, flow, attempt.next, error)
        except HandoffError as error:
            response = _refused(request, flow, attempt.next, error)
        else:
            response = RedirectResponse(local_address(attempt.next), status_code=303)
            seconds = max(1, int((principal.expires_at or 0) - time.time()))
            set_cookie(request, response, SESSION_COOKIE, session, seconds)
        response.delete_cookie(ATTEMPT_COOKIE, path=SIGN_IN)
        return response

    return [
        Route(SIGN_IN_AT_ISSUER, leave, methods=["GET"]),
        Route(BACK_FROM_ISSUER, come_back, methods=["GET"]),
    ]


async def _let_in(credentials: Credentials, token: str) -> tuple[Principal, str]:
    """Return whom an access token was issued to, and the session for that.

    Raises Unauthenticated for a token that does not hold, Forbidden for one that signs nobody in.
    """
    session = access_session(token)
    if len(session) > SESSION_BYTES:
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


def _refused(request: Request, flow: CodeFlow, address: str, error: HandoffError) -> Response:
    status = STATUSES[error.code]
    return sign_in_page(request, flow.host, address, refused=error.message, status=status)
