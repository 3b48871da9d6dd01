"""Signing people in at the OAuth issuer: it gives their browser a code, and us a token for that
(RFC 6749, section 4.1), with proof of who asked for it (RFC 7636)."""

import hmac
import logging
import secrets
from base64 import b64encode
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, quote_plus, unquote

import anyio
from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from oauthlib.oauth2.rfc6749.parameters import parse_token_response

from mcp_handoff.addresses import split_address
from mcp_handoff.errors import (
    BackendUnavailable,
    Forbidden,
    HandoffError,
    Malformed,
    RateLimited,
    Unauthenticated,
)
from mcp_handoff.http.issuer_documents import DOCUMENT_BYTES, READ_SECONDS, Endpoints
from mcp_handoff.http.oauth import Issuer
from mcp_handoff.http.resource import READ, WRITE
from mcp_handoff.http_client import Deadlines, HttpClient, HttpError, Response
from mcp_handoff.text.characters import shortened, visible

EXCHANGE_SECONDS = 10.0
"""How long the issuer may take to give a token for a code."""

EXCHANGES = 20
"""How many codes are exchanged at once: whoever brings one need not have signed in."""

VERIFIER_LENGTH = 64
"""Of 43 to 128 (RFC 7636, section 4.1)."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser keeps while somebody signs in at the issuer, and nobody has to trust: the
    issuer compares the verifier, we the state, and `next` is read as any address that others
    gave."""

    state: str
    verifier: str
    next: str

    @classmethod
    def begin(cls, address: str) -> Self:
        """Return the attempt of somebody who wanted to see an address."""
        verifier = WebApplicationClient("").create_code_verifier(VERIFIER_LENGTH)
        return cls(secrets.token_urlsafe(24), verifier, address)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the attempt that a text is, None when it is none."""
        match text.split("|"):
            case [state, verifier, address] if state and verifier:
                return cls(state, verifier, unquote(address))
            case _:
                return None

    def __str__(self) -> str:
        return f"{self.state}|{self.verifier}|{quote(self.next, safe='')}"

    def is_answered_by(self, state: str) -> bool:
        """Compare the state that came back, in constant time."""
        return hmac.compare_digest(self.state.encode(), state.encode())


class CodeFlow:
    """Signs people in at `issuer`, where this server is the client `client_id`: a public one
    without a secret."""

    def __init__(self, issuer: Issuer, client_id: str, client_secret: str | None) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._exchanges = anyio.CapacityLimiter(EXCHANGES)

    @property
    def host(self) -> str:
        """Where people sign in, as they know it."""
        return split_address(self._issuer.address).hostname or ""

    async def begin(self, attempt: Attempt, back: str) -> str:
        """Return the address at the issuer where somebody signs in who comes back at `back`.

        Raises BackendUnavailable where nobody can.
        """
        endpoints = await self._endpoints()
        client = WebApplicationClient(self._client_id)
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": back,
            "scope": f"{READ} {WRITE}",
            "state": attempt.state,
            "code_challenge": client.create_code_challenge(attempt.verifier, "S256"),
            "code_challenge_method": "S256",
            "resource": self._issuer.audience,  # RFC 8707
        }
        # `prepare_request_uri` takes no issuer on this machine, which has no https://.
        return add_params_to_uri(endpoints.authorization, asked)

    async def finish(self, attempt: Attempt, answer: Mapping[str, str], back: str) -> str:
        """Return the access token for what the issuer answered to an attempt.

        Raises Forbidden where it let nobody in, Malformed for an answer that is none of this
        issuer's, Unauthenticated for a code that it gives nothing for, BackendUnavailable where it
        gives nothing at the moment, and RateLimited where as many as can be are asking it.
        """
        endpoints = await self._endpoints()
        named = answer.get("iss")
        if named != self._issuer.address and (named is not None or endpoints.names_itself):
            raise Malformed(f"This is not the answer of {self.host}; sign in once more.")
        if error := answer.get("error"):
            raise self._refusal(error)
        code = answer.get("code")
        if not code:
            raise Malformed(f"{self.host} sent no code along; sign in once more.")
        if not self._exchanges.available_tokens:
            raise RateLimited("Too many people are signing in; try again.", retry_after=5.0)
        async with self._exchanges:
            response = await self._exchange(endpoints, attempt, code, back)
        if response.status >= 500 or response.status == 429:
            raise self._unavailable()
        return self._token_in(response)

    async def _endpoints(self) -> Endpoints:
        endpoints = await self._issuer.documents.find_endpoints()
        if endpoints is None:
            raise BackendUnavailable(
                f"{self.host} does not say where people sign in; ask whoever runs this desk."
            )
        return endpoints

    async def _exchange(
        self, endpoints: Endpoints, attempt: Attempt, code: str, back: str
    ) -> Response:
        """Ask the issuer for a token (RFC 6749, section 4.1.3); a client with a secret proves who
        it is as section 2.3.1 has it."""
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        is_basic = self._client_secret is not None and endpoints.takes_basic
        if is_basic:
            pair = f"{quote_plus(self._client_id)}:{quote_plus(self._client_secret or '')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        client = WebApplicationClient(self._client_id)
        body = client.prepare_request_body(  # pyright: ignore[reportUnknownMemberType] - its stub has gaps
            code=code,
            redirect_uri=back,
            code_verifier=attempt.verifier,
            include_client_id=not is_basic,
            client_secret=None if is_basic else self._client_secret,
            resource=self._issuer.audience,
        )
        deadlines = Deadlines(READ_SECONDS, READ_SECONDS, EXCHANGE_SECONDS)
        async with aclosing(HttpClient(deadlines, body_limit=DOCUMENT_BYTES)) as http:
            try:
                return await http.request("POST", endpoints.token, headers=headers, content=body)
            except HttpError as error:
                logger.warning("%s gave no token: %s", self._issuer.address, error)
                raise self._unavailable() from error

    def _token_in(self, response: Response) -> str:
        """Return the access token of a response (RFC 6749, section 5.1)."""
        try:
            text = (response.body or b"").decode()
            token = parse_token_response(text)
            kind, secret = token.get("token_type", "Bearer"), token["access_token"]
            is_bearer = str(kind).lower() == "bearer" and isinstance(secret, str)
            if is_bearer and secret.isascii() and secret.isprintable():
                return secret
            why = "no bearer token"
        except OAuth2Error as error:
            why = str(error.error)
        except (ValueError, TypeError, AttributeError, RecursionError):
            why = "no JSON object"
        logger.warning("%s gave no token: %s", self._issuer.address, _told(why))
        raise Unauthenticated(
            f"{self.host} gave no token for this. Sign in once more; if that does not help, ask"
            " whoever runs this desk."
        )

    def _refusal(self, error: str) -> HandoffError:
        """Return why somebody was not let in, by the issuer's code for it (RFC 6749, section
        4.1.2.1)."""
        logger.warning("%s let nobody in: %s", self._issuer.address, _told(error))
        match error:
            case "access_denied":
                return Forbidden(f"You were not let in: {self.host} says that access was denied.")
            case "server_error" | "temporarily_unavailable":
                return self._unavailable()
            case _:
                return Forbidden(
                    f"{self.host} does not take how this desk asks; whoever runs it finds the"
                    " reason in its log."
                )

    def _unavailable(self) -> HandoffError:
        return BackendUnavailable(f"{self.host} signs nobody in at the moment; try again.")


def _told(text: str) -> str:
    """Return what an issuer said, or somebody in its name, as it stands in a log."""
    return repr(shortened(visible(text), 60))
