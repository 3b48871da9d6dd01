"""OAuth: access tokens that an issuer signed (RFC 7519, RFC 9068), checked against its keys."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx2
import jwt

from mcp_handoff.config import is_secure
from mcp_handoff.errors import BackendUnavailable, Forbidden
from mcp_handoff.http.authentication import READ, WRITE
from mcp_handoff.tokens import Principal

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures that only the issuer can make: none with a shared key, and never `none`."""

FRESH_SECONDS = 3600
"""How long the issuer's keys are used before they are fetched again."""

PAUSE_SECONDS = 10
"""How long an unknown key is not asked for again."""

LEEWAY_SECONDS = 30
TIMEOUT_SECONDS = 5.0
DOCUMENT_BYTES = 1_000_000

logger = logging.getLogger(__name__)


class Issuer:
    """An authorization server whose tokens for `audience` are taken."""

    def __init__(self, address: str, audience: str) -> None:
        self._address = address
        self._audience = audience
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._reached = False
        self._fetching = anyio.Lock()

    async def recognise(self, token: str) -> Principal | None:
        """Return whom a token was issued to, None when it does not hold.

        Raises Forbidden for one without a scope of ours, and BackendUnavailable when the issuer's
        keys can't be had.
        """
        try:
            head = jwt.get_unverified_header(token)
            if head.get("alg") not in ALGORITHMS:
                return None
            key = await self._key(head.get("kid"))
            return None if key is None else self._principal(self._claims(token, key))
        except jwt.PyJWTError:
            return None

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._audience,
            issuer=self._address,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        scopes = _scopes(claims)
        if not scopes & {READ, WRITE}:
            raise Forbidden(f"This token has no scope of this server: {READ} or {WRITE}.")
        subject: str = claims["sub"]
        return Principal(
            id=f"{self._address} {subject}",
            name=subject,
            role="user",
            may_write=WRITE in scopes,
        )

    async def _key(self, key_id: str | None) -> jwt.PyJWK | None:
        async with self._fetching:
            age = time.monotonic() - self._fetched_at
            if age > FRESH_SECONDS or (key_id not in self._keys and age > PAUSE_SECONDS):
                await self._refresh()
        if key_id not in self._keys and not self._reached:
            raise BackendUnavailable("The keys of the tokens' issuer can't be had; try again.")
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        """Fetch the keys; while the issuer is away, those that are known go on."""
        try:
            self._keys = await _fetch_keys(self._address)
            self._reached = True
        except (httpx2.HTTPError, httpx2.InvalidURL, jwt.PyJWTError, ValueError):
            logger.warning("the keys of %s can't be had", self._address, exc_info=True)
            self._reached = False
        self._fetched_at = time.monotonic()


async def _fetch_keys(issuer: str) -> Mapping[str | None, jwt.PyJWK]:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False) as http:
        address = await _keys_address(http, issuer)
        keys = jwt.PyJWKSet.from_dict(await _document(http, address)).keys
    return {key.key_id: key for key in keys if key.algorithm_name in ALGORITHMS}


async def _keys_address(http: httpx2.AsyncClient, issuer: str) -> str:
    """Return where the issuer says that its keys are (RFC 8414, then OpenID Connect Discovery)."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    host = f"{parts.scheme}://{parts.netloc}"
    try:
        metadata = await _document(http, f"{host}/.well-known/oauth-authorization-server{path}")
    except httpx2.HTTPStatusError:
        metadata = await _document(http, f"{host}{path}/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        raise ValueError(f"its metadata names the issuer {metadata.get('issuer')!r}")
    return str(metadata.get("jwks_uri"))


async def _document(http: httpx2.AsyncClient, address: str) -> dict[str, Any]:
    if not is_secure(address):
        raise ValueError("its address is neither https:// nor on this machine")
    async with http.stream("GET", address) as response:
        response.raise_for_status()
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > DOCUMENT_BYTES:
                raise ValueError("its document is too long")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("its document is no JSON object")
    return cast(dict[str, Any], document)


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Return the scopes of a token: `scope` (RFC 8693, section 4.2), or the `scp` of some."""
    listed: object = claims.get("scope", claims.get("scp", ""))
    if isinstance(listed, list):
        return {str(name) for name in cast(list[object], listed)}
    return set(str(listed).split())
