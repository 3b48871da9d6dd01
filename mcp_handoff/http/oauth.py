"""OAuth: access tokens that an issuer signed (RFC 7519, RFC 9068), checked against its keys."""

from collections.abc import Mapping
from typing import Any, cast

import jwt

from mcp_handoff.errors import Forbidden, Unauthenticated
from mcp_handoff.http.issuer_documents import IssuerDocuments
from mcp_handoff.http.issuer_keys import ALGORITHMS
from mcp_handoff.http.resource import READ, WRITE
from mcp_handoff.principals import ROLES, Principal, PrincipalRole
from mcp_handoff.projects import slug_of
from mcp_handoff.text.characters import shortened, visible

TYPES = ("jwt", "at+jwt")
"""What a token may call itself: nothing, a JWT, or an access token (RFC 9068, section 2.1)."""

FOREIGN_CLAIMS = ("nonce", "at_hash", "c_hash", "s_hash", "events")
"""What ID tokens have (OpenID Connect Core, sections 2 and 3.3.2.11), and security events (RFC
8417) such as a logout."""

SUBJECT_LENGTH = 255
"""The longest `sub`, as OpenID Connect Core has it in section 2."""

LEEWAY_SECONDS = 30

# Before 2.15 PyJWT lets the last three out of numbers and nesting that make no sense.
_UNREADABLE = (jwt.PyJWTError, OverflowError, RecursionError, TypeError)


class Issuer:
    """An authorization server whose tokens for `audience` are taken.

    Its tokens see the projects that `projects_claim` lists and have the role that `role_claim`
    names; without these claims they see all projects, as users. Their scopes narrow that.
    """

    def __init__(
        self,
        address: str,
        audience: str,
        *,
        projects_claim: str | None = None,
        role_claim: str | None = None,
    ) -> None:
        self.address = address
        self.audience = audience
        self._projects_claim = projects_claim
        self._role_claim = role_claim
        self.documents = IssuerDocuments(address)

    async def authenticate(self, token: str) -> Principal | None:
        """Return whom a token was issued to, None when it does not hold.

        Raises Unauthenticated for one that is no access token which its bearer may use, Forbidden
        for one without a scope, a project or a role of ours, and BackendUnavailable when the
        issuer's keys can't be had.
        """
        try:
            head = jwt.get_unverified_header(token)
        except _UNREADABLE:
            return None
        if head.get("alg") not in ALGORITHMS:
            return None
        key = await self.documents.find_key(head.get("kid"))
        claims = self._verify(token, key) if key is not None else None
        if claims is None:
            return None
        _require_bearer_token(head, claims)

        # `scope` (RFC 8693, section 4.2), or the `scp` of some issuers.
        scopes = _words(claims, "scope") or _words(claims, "scp")
        if READ not in scopes and WRITE not in scopes:
            raise Forbidden(f"This token has no scope of this server: {READ} or {WRITE}.")
        subject, role = claims["sub"], self._role(claims)
        return Principal(
            id=f"{self.address} {subject}",
            name=subject,
            role=role if WRITE in scopes else "reader",
            projects=self._projects(claims),
            expires_at=claims["exp"],
        )

    def _verify(self, token: str, key: jwt.PyJWK) -> Mapping[str, Any] | None:
        """Return a token's claims, None when it does not hold."""
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self.audience,
                issuer=self.address,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except _UNREADABLE:
            return None

    def _role(self, claims: Mapping[str, Any]) -> PrincipalRole:
        if self._role_claim is None:
            return "user"
        named = _words(claims, self._role_claim)
        roles: list[PrincipalRole] = [role for role in ROLES if role in named]
        if len(roles) != 1:
            raise Forbidden(
                f"The {self._role_claim} of this token must name one of {', '.join(ROLES)}."
            )
        return roles[0]

    def _projects(self, claims: Mapping[str, Any]) -> frozenset[str] | None:
        if self._projects_claim is None:
            return None
        named = _words(claims, self._projects_claim)
        if named == ["*"]:
            return None
        if not named or any(name != slug_of(name) for name in named):
            raise Forbidden(
                f"The {self._projects_claim} of this token must name projects by their slugs, or be"
                " * for all."
            )
        return frozenset(named)


def _words(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return what a claim lists, as an array or with spaces in between; nothing when it is not
    there. Raises Unauthenticated for one of another type."""
    value: Any = claims.get(name)
    match value:
        case None:
            return []
        case str():
            return value.split()
        case list() if all(isinstance(word, str) for word in cast(list[object], value)):
            return cast(list[str], value)
        case _:
            raise Unauthenticated(f"The {name} of this token must be a text or a list of texts.")


def _require_bearer_token(head: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Refuse what an issuer signed and did not mean as an access token for its bearer
    (Unauthenticated)."""
    kind = str(head.get("typ", "jwt")).lower().removeprefix("application/")
    foreign = [name for name in FOREIGN_CLAIMS if name in claims and kind != "at+jwt"]
    if kind not in TYPES or foreign:
        sign = foreign[0] if foreign else "typ"
        raise Unauthenticated(f"By its {sign} this is no access token; ask the issuer for one.")
    if claims.get("cnf") is not None:
        raise Unauthenticated(
            "This token is bound to a key (cnf), and bound tokens are not supported; ask the issuer"
            " for a bearer token."
        )
    subject: str = claims["sub"]
    if not subject or shortened(visible(subject), SUBJECT_LENGTH) != subject:
        raise Unauthenticated(
            f"The sub of this token must be one line of 1 to {SUBJECT_LENGTH} visible characters."
        )
    if not isinstance(claims["exp"], int | float):
        raise Unauthenticated("The exp of this token must be a number (RFC 7519, section 4.1.4).")
