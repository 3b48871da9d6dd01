"""OAuth: access tokens that an issuer signed (RFC 7519, RFC 9068), checked against its keys."""

from collections.abc import Mapping
from typing import Any, cast

import jwt

from mcp_handoff.errors import Forbidden
from mcp_handoff.http.issuer_keys import ALGORITHMS, IssuerKeys
from mcp_handoff.http.resource import READ, WRITE
from mcp_handoff.principals import Principal

LEEWAY_SECONDS = 30


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
