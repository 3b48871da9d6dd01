"""An OAuth issuer where people sign in: without a question, as whom its test says."""

import base64
import hashlib
import hmac
import json
import secrets
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.http.issuer import Answer, Issuer


class SigningIn(Issuer):
    """An issuer with an authorization endpoint and a token endpoint (RFC 6749, RFC 7636).

    `claims` are those of the tokens that it gives, `named` is whom it calls itself; with `refuses`,
    a code of an error, it lets nobody in. With a `secret` its client has to prove who it is, by the
    method `proves_by`. `asked` is what browsers brought along, `exchanged` what the client sent for
    a token.
    """

    def __init__(self, secret: str | None = None, proves_by: str = "client_secret_basic") -> None:
        super().__init__()
        self._secret, self._proves_by = secret, proves_by
        self._codes: dict[str, dict[str, str]] = {}
        self.begin()

    def begin(self) -> None:
        """Let in users of all projects, and forget what was asked."""
        self.claims: dict[str, Any] = {"roles": ["user"], "projects": "*"}
        self.refuses: str | None = None
        self.named: str | None = self.url
        self.asked: list[dict[str, str]] = []
        self.exchanged: list[dict[str, str]] = []

    def metadata(self) -> dict[str, Any]:
        return {
            **super().metadata(),
            "authorization_endpoint": f"{self.url}/authorize?realm=1",
            "token_endpoint": f"{self.url}/token",
            "token_endpoint_auth_methods_supported": [self._proves_by],
            "authorization_response_iss_parameter_supported": True,
        }

    def answer(self, target: str, headers: Message, body: str) -> Answer:
        parts = urlsplit(target)
        match parts.path:
            case "/realm/authorize":
                return self._let_in(dict(parse_qsl(parts.query)))
            case "/realm/token":
                return self._exchange(dict(parse_qsl(body)), headers)
            case _:
                return super().answer(target, headers, body)

    def _let_in(self, asked: dict[str, str]) -> Answer:
        self.asked.append(asked)
        told = {"state": asked["state"], "iss": self.named or ""}
        if self.refuses:
            told |= {"error": self.refuses, "error_description": "<b>Not you.</b>"}
        else:
            told["code"] = secrets.token_urlsafe(16)
            self._codes[told["code"]] = asked
        query = urlencode({name: value for name, value in told.items() if value})
        return Answer(303, location=f"{asked['redirect_uri']}?{query}")

    def _exchange(self, sent: dict[str, str], headers: Message) -> Answer:
        self.exchanged.append(sent)
        asked = self._codes.pop(sent.get("code", ""), None)
        if not self._is_proved(sent, headers):
            return Answer(401, b'{"error": "invalid_client"}')
        if asked is None or not _belongs(sent, asked):
            return Answer(400, b'{"error": "invalid_grant", "error_description": "<b>No.</b>"}')
        claims: dict[str, Any] = {"aud": asked["resource"], "scope": asked["scope"], **self.claims}
        token = self.token(claims.pop("aud"), **claims)
        told = {"access_token": token, "token_type": "Bearer", "expires_in": 300}
        return Answer(200, json.dumps(told).encode())

    def _is_proved(self, sent: dict[str, str], headers: Message) -> bool:
        if self._secret is None:
            return "client_secret" not in sent and headers["Authorization"] is None
        if self._proves_by == "client_secret_post":
            return hmac.compare_digest(sent.get("client_secret", ""), self._secret)
        pair = base64.b64encode(f"desk:{self._secret}".encode()).decode()
        return headers["Authorization"] == f"Basic {pair}"


def _belongs(sent: dict[str, str], asked: dict[str, str]) -> bool:
    """Tell whether a code is shown by whom it was given for."""
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return (
        sent["grant_type"] == "authorization_code"
        and asked["code_challenge_method"] == "S256"
        and challenge == asked["code_challenge"]
        and sent["redirect_uri"] == asked["redirect_uri"]
        and sent["resource"] == asked["resource"]
    )
