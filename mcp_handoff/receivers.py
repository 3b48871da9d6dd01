"""The receiver: who is told of the builds that a store's tickets trigger. A store has one.

It is set by the first server that starts with BUILD_DISPATCH_URL, and changed on purpose alone.
"""

import hashlib
from typing import Protocol

from mcp_handoff.actors import Caller
from mcp_handoff.addresses import server_of
from mcp_handoff.errors import Misconfigured
from mcp_handoff.schema import Record, Request, Timestamp

NOBODY = "There is nobody to tell yet: this store has no receiver (BUILD_DISPATCH_URL)."
"""What is said of a run that waits for one."""


class Receiver(Record):
    """What a store remembers of its receiver: neither the whole address, whose path may hold a key,
    nor the secret."""

    origin: str
    url_digest: str
    secret_digest: str
    set_at: Timestamp | None = None

    @property
    def identity(self) -> str:
        """What two that are the same share."""
        return self.url_digest + self.secret_digest

    @property
    def is_signed(self) -> bool:
        """Whether what it is told is signed."""
        return self.secret_digest != _digest("")


class GetReceiver(Request):
    """Read who is told of triggered builds."""


class SetReceiver(Request):
    """Have somebody else told of triggered builds from now on."""

    url: str
    secret: str | None = None


class ShownReceiver(Record):
    """Who is told, None where nobody is yet."""

    receiver: Receiver | None


class ReceiverOperations(Protocol):
    """What a store does with its receiver."""

    async def get_receiver(self, caller: Caller, request: GetReceiver, /) -> ShownReceiver:
        """Return who is told of triggered builds."""
        ...

    async def set_receiver(self, caller: Caller, request: SetReceiver, /) -> ShownReceiver:
        """Have somebody else told from now on, of what still waits too. Whoever sends to another
        sends nothing more."""
        ...

    async def claim_receiver(self) -> Receiver | None:
        """Make this process's receiver that of a store that has none; return the store's."""
        ...


def receiver_of(url: str, secret: str | None) -> Receiver:
    """Return what a store remembers of an address and a secret (whsec_…)."""
    return Receiver(
        origin=server_of(url),
        url_digest=_digest(url),
        secret_digest=_digest(secret or ""),
    )


def require_same(known: Receiver | None, url: str | None, secret: str | None) -> None:
    """Refuse to start with another receiver than the store's (Misconfigured)."""
    if known is None:
        return
    since = f"{known.origin}, set at {known.set_at}"
    change = "take that, or have this one told from now on: mcp-handoff receiver set"
    if url is not None and _digest(url) != known.url_digest:
        raise Misconfigured(
            f"BUILD_DISPATCH_URL is not the receiver of this store ({since}); {change}"
        )
    if (url or secret) and _digest(secret or "") != known.secret_digest:
        signs = "another secret signs" if known.is_signed else "no secret signs"
        raise Misconfigured(
            f"BUILD_DISPATCH_SECRET does not fit: {signs} what the receiver of this store is told"
            f" ({since}); {change}"
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
