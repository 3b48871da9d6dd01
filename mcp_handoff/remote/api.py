"""What a remote backend's operations work with."""

from dataclasses import dataclass

from mcp_handoff.changes import ChangeFeed
from mcp_handoff.remote.client import ApiClient


@dataclass(frozen=True, slots=True)
class Api:
    """The ticket API, the builds API, and the feed of what is changed through this process."""

    tickets: ApiClient
    builds: ApiClient
    feed: ChangeFeed
