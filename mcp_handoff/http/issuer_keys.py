"""The keys that an OAuth issuer signs with, fetched from where its metadata says that they are."""

import asyncio
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
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.http_client import Deadlines, HttpClient

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures that only the issuer can make: none with a shared key, and never `none`."""

FRESH_SECONDS = 3600
"""How long the keys are used before they are fetched again."""

PAUSE_SECONDS = 10
"""How long nothing is fetched after a fetch, however that ended."""

FETCH_SECONDS = 10
"""How long a fetch may take, all its documents together."""

READ_SECONDS = 5.0
DOCUMENT_BYTES = 1_000_000

logger = logging.getLogger(__name__)


class IssuerKeys:
    """The keys of an issuer, fetched when the first is asked for and again when they are old or
    lack one.

    There is one fetch at a time, and whoever asks for a key that is known waits for none.
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._old_from = self._paused_until = float("-inf")
        self._reached = False
        self._fetch: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """Return a key by its id, None when the issuer has no such key.

        While the issuer is away, the keys that are known go on. Raises BackendUnavailable for one
        that is not among them.
        """
        key, now = self._keys.get(key_id), time.monotonic()
        if key is not None and now < self._old_from:
            return key
        if self._fetch is None and now >= self._paused_until:
            self._fetch = asyncio.create_task(self._refresh())
        if key is None and self._fetch is not None:
            await asyncio.shield(self._fetch)
            key = self._keys.get(key_id)
        if key is None and not self._reached:
            raise BackendUnavailable("The keys of the tokens' issuer can't be had; try again.")
        return key

    async def _refresh(self) -> None:
        try:
            with anyio.fail_after(FETCH_SECONDS):
                self._keys = await fetch_keys(self._issuer)
            self._old_from = time.monotonic() + FRESH_SECONDS
            self._reached = True
        except Exception:  # documents of whatever shape: after each the issuer gets its pause
            logger.warning("the keys of %s can't be had", self._issuer, exc_info=True)
            self._reached = False
        finally:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._fetch = None


async def fetch_keys(issuer: str) -> Mapping[str | None, jwt.PyJWK]:
    """Return an issuer's keys by their ids, from where its metadata says that they are (RFC 8414,
    then OpenID Connect Discovery).

    Raises HttpError when the issuer can't be reached, ValueError, RecursionError or PyJWTError for
    documents that are not what they should be.
    """
    parts = urlsplit(issuer)
    host, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    deadlines = Deadlines(READ_SECONDS, read=READ_SECONDS)
    async with aclosing(HttpClient(deadlines, body_limit=DOCUMENT_BYTES)) as http:
        metadata = await _fetch(http, f"{host}/.well-known/oauth-authorization-server{path}")
        if metadata is None:
            metadata = await _fetch(http, f"{host}{path}/.well-known/openid-configuration") or {}
        if metadata.get("issuer") != issuer:
            raise ValueError(f"its metadata names the issuer {metadata.get('issuer')!r}")
        document = await _fetch(http, str(metadata.get("jwks_uri"))) or {}
    listed: object = document.get("keys")
    if not isinstance(listed, list):
        raise ValueError("its document lists no keys")
    signing = [key for key in cast(list[object], listed) if _is_for_signatures(key)]
    usable = {
        key.key_id: key
        for key in jwt.PyJWKSet.from_dict({"keys": signing}).keys
        if key.algorithm_name in ALGORITHMS and key.Algorithm.check_key_length(key.key) is None
    }
    if not usable:
        raise ValueError("its keys are too short, or for other algorithms")
    return usable


def _is_for_signatures(key: object) -> bool:
    """Tell whether an entry is a key to check signatures with, and one that a token can name (RFC
    7517, section 4)."""
    if not isinstance(key, dict):
        return False
    key = cast(dict[str, object], key)
    operations = key.get("key_ops", ["verify"])
    return (
        isinstance(key.get("kid"), str | None)
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and key.get("alg") in (None, *ALGORITHMS)
    )


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
