"""Whose credentials a server takes, and whether it asks for any."""

import time
from collections import OrderedDict

from mcp_handoff.backend import Store
from mcp_handoff.calls import Call
from mcp_handoff.http.oauth import Issuer
from mcp_handoff.http.shared_read import SharedRead
from mcp_handoff.principals import Principal, PrincipalRole
from mcp_handoff.tokens import digest, token_id_of

BELIEVED_SECONDS = 0.02
"""How long it is believed that no other process has made a token: short beside what it takes to
tell anybody of one, long beside a call."""

REMEMBERED_SECONDS = 1.0
"""How long a token that was recognised is taken for valid, where nobody ends it here."""

MOST_REMEMBERED = 10_000
"""How many tokens are remembered at once."""

_CHANGING = frozenset({"create_token", "revoke_token", "rotate_token"})
"""The operations after which nothing is believed that was known before."""

_AT_ISSUER = "oauth:"
"""How the session of whoever signed in at the issuer begins; one of the store's has no colon."""


class Credentials:
    """The tokens of a store, of an OAuth issuer, or of both.

    With an issuer they are always required; without, from the moment that the store's first token
    is made, in whatever process, and for good: no revocation, expiry or restart takes that back.
    """

    def __init__(self, store: Store | None, issuer: Issuer | None) -> None:
        self._store = store
        self._issuer = issuer
        self._required = issuer is not None
        self._has_had_tokens = SharedRead(store.has_had_tokens) if store is not None else None
        self._looked_at = float("-inf")
        self._recognised = OrderedDict[str, tuple[Principal, float]]()
        """Whose tokens were recognised until when, by the digests of their secrets; the oldest
        first."""
        self._changes = 0

    async def are_required(self) -> bool:
        """Tell whether a caller has to show one; raises BackendUnavailable when that can't be
        known."""
        if self._required or self._has_had_tokens is None:
            return self._required
        begun = time.monotonic()
        if begun - self._looked_at > BELIEVED_SECONDS:
            changes = self._changes
            self._required = await self._has_had_tokens()
            if changes == self._changes:
                self._looked_at = begun
        return self._required

    async def authenticate(self, secret: str) -> Principal | None:
        """Return whom a secret belongs to, None when it is nobody's. Raises what an issuer
        raises."""
        if self._store is not None and token_id_of(secret) is not None:
            return await self._recognise(self._store, secret)
        return await self._issuer.authenticate(secret) if self._issuer is not None else None

    def heed(self, call: Call) -> None:
        """Take note of a call that ended: one that made or ended a token has all forgotten."""
        if call.operation in _CHANGING:
            self._recognised.clear()
            self._looked_at = float("-inf")
            self._changes += 1

    async def _recognise(self, store: Store, secret: str) -> Principal | None:
        key, now = digest(secret), time.monotonic()
        principal, until = self._recognised.get(key, (None, 0.0))
        if principal is not None and now < until:
            return principal
        changes = self._changes
        principal = await store.authenticate(secret)
        if principal is not None and changes == self._changes:
            self._recognised[key] = principal, now + REMEMBERED_SECONDS
            self._recognised.move_to_end(key)
            if len(self._recognised) > MOST_REMEMBERED:
                self._recognised.popitem(last=False)
        return principal

    async def authenticate_session(self, session: str) -> Principal | None:
        """Return whose session a browser shows, None when it is nobody's any more, or a bot's.
        Raises what an issuer raises."""
        if session.startswith(_AT_ISSUER):
            token = session.removeprefix(_AT_ISSUER)
            principal = await self._issuer.authenticate(token) if self._issuer else None
            return None if principal and principal.role == "bot" else principal
        return None if self._store is None else await self._store.authenticate_session(session)

    def first_step(self, role: PrincipalRole) -> str:
        """Return what an operator does to have any: the first one, of this role."""
        if self._store is None:
            return "set HANDOFF_OAUTH_ISSUER and HANDOFF_OAUTH_AUDIENCE"
        return f"make a token: mcp-handoff token create NAME --role {role}"


def access_session(token: str) -> str:
    """Return the session of whoever an access token was issued to: the token itself, which holds
    at every server that trusts its issuer, and is checked each time."""
    return f"{_AT_ISSUER}{token}"
