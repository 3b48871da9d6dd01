"""What was found out about a request before its door sees it, kept in the scope of its ASGI
application."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from mcp_handoff.errors import HandoffError
from mcp_handoff.principals import LOCAL, Principal


@dataclass(slots=True)
class Admission:
    """Whom a request comes from, and how far it came.

    `client` is the IP address that it comes from; `refusal` why it is refused all the same, for its
    door to say in the words of its protocol; `noted` whether the desk has noted its call; `error`
    the code of the error that its door found by itself; `open_because` why nobody was asked for a
    token, in words for people, where nobody is. `waits_for` is what its call waits for at
    the moment, in words, and `waited` for how many seconds it waited as it asked to.
    """

    principal: Principal = LOCAL
    client: str | None = None
    refusal: HandoffError | None = None
    noted: bool = False
    error: str | None = None
    open_because: str | None = None
    waits_for: str | None = None
    waited: float = 0.0


def admission_of(scope: MutableMapping[str, Any]) -> Admission:
    """Return what is known of an ASGI request; to begin with, that it comes from this machine."""
    return scope.setdefault("state", {}).setdefault("admission", Admission())
