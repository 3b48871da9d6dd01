"""What a remote backend's operations work with."""

from dataclasses import dataclass
from hashlib import blake2b

from mcp_handoff.actors import Caller
from mcp_handoff.changes import ChangeFeed
from mcp_handoff.principals import LOCAL
from mcp_handoff.remote.client import ApiClient
from mcp_handoff.schema import CALL_KEY


@dataclass(frozen=True, slots=True)
class Api:
    """The ticket API, the builds API, and the feed of what is changed through this process."""

    tickets: ApiClient
    builds: ApiClient
    feed: ChangeFeed


def sent_key(caller: Caller, key: str | None) -> str | None:
    """Return the idempotency key that an API gets for a caller's: all who come with a token of ours
    share our one token over there, and must not share their keys. One that was made for a single
    call stays one."""
    if key is None or caller.principal is LOCAL:
        return key
    digest = blake2b(f"{caller.owner}\n{key}".encode(), digest_size=16).hexdigest()
    return f"{CALL_KEY}{digest}" if key.startswith(CALL_KEY) else digest
