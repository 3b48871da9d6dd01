"""What an OAuth issuer publishes: its keys, and where people sign in (RFC 8414)."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import anyio
from jwt import PyJWK

from mcp_handoff.addresses import is_secure
from mcp_handoff.errors import BackendUnavailable
from mcp_handoff.http.issuer_keys import Keys, usable_keys
from mcp_handoff.http_client import Deadlines, HttpClient

FRESH_SECONDS = 3600
"""How long the documents are used before they are fetched again."""

PAUSE_SECONDS = 10
"""How long nothing is fetched after a fetch, however that ended."""

FETCH_SECONDS = 10
"""How long a fetch may take, all its documents together."""

READ_SECONDS = 5.0
DOCUMENT_BYTES = 1_000_000

logger = logging.getLogger(__name__)

PartT = TypeVar("PartT")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where people sign in at an issuer, and what it says of that (RFC 8414, section 2).

    `takes_basic` is whether a client's secret goes into the Authorization header, and
    `names_itself` whether the issuer does in each answer (RFC 9207).
    """

    authorization: str
    token: str
    takes_basic: bool
    names_itself: bool


@dataclass(frozen=True, slots=True)
class _Documents:
    """What was fetched; `endpoints` is None where people can't sign in."""

    keys: Keys
    endpoints: Endpoints | None


class IssuerDocuments:
    """The documents of an issuer, fetched when something of them is first asked for, and again when
    they are old or lack it.

    There is one fetch at a time, and whoever asks for what is known waits for none.
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._documents = _Documents({}, None)
        self._old_from = self._paused_until = float("-inf")
        self._reached = False
        self._fetch: asyncio.Task[None] | None = None

    async def find_key(self, key_id: str | None) -> PyJWK | None:
        """Return a key by its id, None when the issuer has no such key.

        While the issuer is away, the keys that are known go on. Raises BackendUnavailable for one
        that is not among them.
        """
        return await self._find(lambda documents: documents.keys.get(key_id))

    async def find_endpoints(self) -> Endpoints | None:
        """Return where people sign in, None where they can't; raises BackendUnavailable when that
        can't be known."""
        return await self._find(lambda documents: documents.endpoints)

    async def _find(self, part: Callable[[_Documents], PartT | None]) -> PartT | None:
        found, now = part(self._documents), time.monotonic()
        if found is not None and now < self._old_from:
            return found
        if self._fetch is None and now >= self._paused_until:
            self._fetch = asyncio.create_task(self._refresh())
        if found is None and self._fetch is not None:
            await asyncio.shield(self._fetch)
            found = part(self._documents)
        if found is None and not self._reached:
            raise BackendUnavailable("The tokens' issuer can't be reached; try again.")
        return found

    async def _refresh(self) -> None:
        try:
            with anyio.fail_after(FETCH_SECONDS):
                self._documents = await _fetch_documents(self._issuer)
            self._old_from = time.monotonic() + FRESH_SECONDS
            self._reached = True
        except Exception:  # documents of whatever shape: after each the issuer gets its pause
            logger.warning("the documents of %s can't be had", self._issuer, exc_info=True)
            self._reached = False
        finally:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._fetch = None


async def _fetch_documents(issuer: str) -> _Documents:
    """Return an issuer's metadata (RFC 8414, then OpenID Connect Discovery), with the keys that are
    where it says.

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
        keys = await _fetch(http, str(metadata.get("jwks_uri"))) or {}
    return _Documents(usable_keys(keys), _endpoints(metadata))


def _endpoints(metadata: Mapping[str, Any]) -> Endpoints | None:
    """Return where people sign in, None where that is nowhere to send a secret to."""
    authorization, token = (
        str(metadata.get(name)) for name in ("authorization_endpoint", "token_endpoint")
    )
    if not (is_secure(authorization) and is_secure(token)):
        return None
    methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        authorization,
        token,
        takes_basic=isinstance(methods, list) and "client_secret_basic" in methods,
        names_itself=metadata.get("authorization_response_iss_parameter_supported") is True,
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
