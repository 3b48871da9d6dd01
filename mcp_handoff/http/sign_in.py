"""Signing in to the portal with a token, and out."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mcp_handoff.admission import admission_of
from mcp_handoff.errors import HandoffError
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.wrong_tokens import WrongTokens
from mcp_handoff.portal.addresses import BOARD, SIGN_IN, SIGN_OUT, local_address
from mcp_handoff.portal.forms import read_form
from mcp_handoff.portal.rendering import SESSION_COOKIE, render, set_cookie
from mcp_handoff.portal.visits import refused
from mcp_handoff.tokens import SESSION_SECONDS, Session, token_id_of

_UNKNOWN = "This token is unknown, expired or revoked."
_FOREIGN = "Only a token of this desk signs people in here: mcp-handoff token create."
_NO_PERSON = "This is a bot's token; people sign in with a user's, an admin's or a reader's."


def sign_in_routes(
    credentials: Credentials | None, wrong_tokens: WrongTokens, issuer: str | None
) -> list[Route]:
    """Return where people sign in with a token, and out; `issuer` is the name of where else they
    sign in, if anywhere."""

    async def show(request: Request) -> Response:
        if credentials is None or not await credentials.are_required():
            return RedirectResponse(BOARD, status_code=303)
        return sign_in_page(request, issuer, request.query_params.get("next", BOARD))

    async def sign_in(request: Request) -> Response:
        try:
            form = await read_form(request)
            address, secret = form.one("next") or BOARD, (form.one("token") or "").strip()
            principal = await credentials.authenticate(secret) if credentials else None
            if principal is None:
                await wrong_tokens.hold(admission_of(request.scope).client)
        except HandoffError as error:
            return refused(request, error, let_in=False)
        if principal is None:
            return sign_in_page(request, issuer, address, wrong=_UNKNOWN, status=401)
        if token_id_of(secret) is None:
            return sign_in_page(request, issuer, address, wrong=_FOREIGN, status=401)
        if principal.role == "bot":
            return sign_in_page(request, issuer, address, wrong=_NO_PERSON, status=401)
        response = RedirectResponse(local_address(address), status_code=303)
        session = str(Session.begin(secret, datetime.now(UTC)))
        set_cookie(request, response, SESSION_COOKIE, session, SESSION_SECONDS)
        return response

    async def sign_out(request: Request) -> Response:
        try:
            await read_form(request)
        except HandoffError as error:
            return refused(request, error)
        response = RedirectResponse(SIGN_IN, status_code=303)
        response.delete_cookie(SESSION_COOKIE)
        return response

    return [
        Route(SIGN_IN, show, methods=["GET"]),
        Route(SIGN_IN, sign_in, methods=["POST"]),
        Route(SIGN_OUT, sign_out, methods=["POST"]),
    ]


def sign_in_page(
    request: Request,
    issuer: str | None,
    address: str,
    *,
    wrong: str | None = None,
    refused: str | None = None,
    status: int = 200,
) -> Response:
    """Return the page where one signs in to see an address, with what is wrong with the token that
    was filled in, or why one was refused elsewhere."""
    return render(
        request,
        "sign_in.html",
        status,
        let_in=False,
        next=address,
        issuer=issuer,
        wrong=wrong,
        refused=refused,
    )
