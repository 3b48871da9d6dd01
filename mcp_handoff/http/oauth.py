"""OAuth: access tokens that an issuer signed (RFC 7519, RFC 9068), checked against its keys."""

import json
import logging
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import jwt

from mcp_handoff.addresses import is_secure
from mcp_handoff.errors import BackendUnavailable, Forbidden
from mcp_handoff.http.resource import READ, WRITE
from mcp_handoff.http_client import Deadlines, HttpClient, HttpError
from mcp_handoff.principals import Principal

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures that only the issuer can make: none with a shared key, and never `none`."""

FRESH_SECONDS = 3600
"""How long the issuer's keys are used before they are fetched again."""

PAUSE_SECONDS = 10
"""How long an unknown key is not asked for again."""

LEEWAY_SECONDS = 30
READ_SECONDS = 5.0
DOCUMENT_SECONDS = 10.0
DOCUMENT_BYTES = 1_000_000

logger = logging.getLogger(__name__)


class Issuer:
    """An authorization server whose tokens for `audience` are taken."""

    def __init__(self, address: str, audience: str) -> None:
        self._address = address
        self._audience = audience
        self._keys = IssuerKeys(address)

    async def authenticate(self, token: str) -> Principal | None:
        """Return whom a token was issued to, None when it does not hold.

        Raises Forbidden for one without a scope of ours, and BackendUnavailable when the issuer's
        keys can't be had.
        """
        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") not in ALGORITHMS:
                return None
            key = await self._keys.find(head.get("kid"))
            if key is None:
                return None
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._address,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return None

        # `scope` (RFC 8693, section 4.2), or the `scp` of some issuers.
        listed: object = claims.get("scope", claims.get("scp", ""))
        scopes = cast(list[object], listed) if isinstance(listed, list) else str(listed).split()
        if READ not in scopes and WRITE not in scopes:
            raise Forbidden(f"This token has no scope of this server: {READ} or {WRITE}.")
        subject: str = claims["sub"]
        role = "user" if WRITE in scopes else "reader"
        return Principal(
            id=f"{self._address} {subject}", name=subject, role=role, expires_at=claims["exp"]
        )


class IssuerKeys:
    """The keys of an issuer, fetched when the first is asked for and again when they are old or
    lack one."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._reached = False
        self._fetching = anyio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """Return a key by its id, None when the issuer has no such key.

        While the issuer is away, the keys that are known go on. Raises BackendUnavailable for one
        that is not among them.
        """
        async with self._fetching:
            age = time.monotonic() - self._fetched_at
            if age > FRESH_SECONDS or (key_id not in self._keys and age > PAUSE_SECONDS):
                try:
                    self._keys = await fetch_keys(self._issuer)
                    self._reached = True
                except (HttpError, jwt.PyJWTError, ValueError):
                    logger.warning("the keys of %s can't be had", self._issuer, exc_info=True)
                    self._reached = False
                self._fetched_at = time.monotonic()
        if key_id not in self._keys and not self._reached:
            raise BackendUnavailable("The keys of the tokens' issuer can't be had; try again.")
        return self._keys.get(key_id)


async def fetch_keys(issuer: str) -> Mapping[str | None, jwt.PyJWK]:
    """Return an issuer's keys by their ids, from where its metadata says that they are (RFC 8414,
    then OpenID Connect Discovery).

    Raises HttpError when the issuer can't be reached, ValueError or PyJWTError for documents that
    are not what they should be.
    """
    parts = urlsplit(issuer)
    host, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    deadlines = Deadlines(READ_SECONDS, read=READ_SECONDS, total=DOCUMENT_SECONDS)
    async with aclosing(HttpClient(deadlines, body_limit=DOCUMENT_BYTES)) as http:
        metadata = await _fetch(http, f"{host}/.well-known/oauth-authorization-server{path}")
        if metadata is None:
            metadata = await _fetch(http, f"{host}{path}/.well-known/openid-configuration") or {}
        if metadata.get("issuer") != issuer:
            raise ValueError(f"its metadata names the issuer {metadata.get('issuer')!r}")
        document = await _fetch(http, str(metadata.get("jwks_uri"))) or {}
    keys = jwt.PyJWKSet.from_dict(document).keys
    return {key.key_id: key for key in keys if key.algorithm_name in ALGORITHMS}


async def _fetch(http: HttpClient, address: str) -> dict[str, Any] | None:
    """Return the JSON object at an address, None when there is nothing."""
    if not is_secure(address):
        raise ValueError("its address is neither https:// nor on this machine")
    response = await http.request("GET", address)
    if not 200 <= response.status < 300:
        return None
    if response.body is None:
        raise ValueError("its document is too long")
    document = json.loads(response.body)
    if not isinstance(document, dict):
        raise ValueError("its document is no JSON object")
    return cast(dict[str, Any], document)
