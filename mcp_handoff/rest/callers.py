"""Who calls over REST: what the token says first, then what the body says."""

from typing import Annotated

from fastapi import Depends, Request

from mcp_handoff.actors import Actor, ActorRole, Caller, bot
from mcp_handoff.projects import FALLBACK_SLUG
from mcp_handoff.tokens import LOCAL, Principal


class Door:
    """Makes callers of a request's principal, within the organization that is served.

    Raises what the request was refused for before it came here.
    """

    def __init__(self, request: Request) -> None:
        if refusal := getattr(request.state, "refusal", None):
            raise refusal
        self.principal: Principal = getattr(request.state, "principal", LOCAL)
        self._organization: str = request.app.state.organization

    def caller(
        self,
        *,
        role: ActorRole | None = None,
        actor_id: str | None = None,
        source: str | None = None,
        project: str | None = None,
    ) -> Caller:
        """Return the caller; a bot's token is a bot whatever the body says.

        `project` is where tickets are looked for that the request names without one.
        """
        name = self.principal.name
        if self.principal.role == "bot":
            actor = bot(name)
        else:
            actor = Actor(role=role or "user", source=source or "portal", id=actor_id or name)
        return Caller(
            actor,
            project=project or FALLBACK_SLUG,
            organization=self._organization,
            projects=self.principal.projects,
        )


# Asynchronous, or FastAPI would send each request through its thread pool once for each of them.
async def _door(request: Request) -> Door:
    return Door(request)


Entered = Annotated[Door, Depends(_door)]
"""The door that a request came in by."""


async def _caller(door: Entered) -> Caller:
    return door.caller()


ByToken = Annotated[Caller, Depends(_caller)]
"""Whom the token stands for."""
