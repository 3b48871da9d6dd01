"""Who calls over REST: what the token says first, then what the body says."""

from typing import Annotated

from fastapi import Depends, Request

from mcp_handoff.actors import Actor, ActorRole, Caller, bot
from mcp_handoff.tokens import LOCAL, Principal


def principal_of(request: Request) -> Principal:
    """Return whom the request was proved to come from."""
    return getattr(request.state, "principal", LOCAL)


def caller_of(
    principal: Principal,
    *,
    role: ActorRole | None = None,
    actor_id: str | None = None,
    source: str | None = None,
) -> Caller:
    """Return the caller that a principal makes; a bot's token is a bot whatever the body says."""
    if principal.role == "bot":
        actor = bot(principal.name)
    else:
        actor = Actor(role=role or "user", source=source or "portal", id=actor_id or principal.name)
    return Caller(actor, projects=principal.projects)


def _caller(request: Request) -> Caller:
    return caller_of(principal_of(request))


ByToken = Annotated[Caller, Depends(_caller)]
"""Whom the token stands for."""

Proved = Annotated[Principal, Depends(principal_of)]
