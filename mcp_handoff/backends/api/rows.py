"""From what an API tells of a thing to our record of it; what it does not document stays out."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from mcp_handoff.actors import Actor
from mcp_handoff.backends.api.refusals import lost
from mcp_handoff.projects import is_id
from mcp_handoff.references import reference
from mcp_handoff.schema import Record
from mcp_handoff.tickets import MERGED, CreateTicket

RecordT = TypeVar("RecordT", bound=Record)

_ALIASES = {
    "request_type": "category",
    "priority": "severity",
    "suggested_resolution": "suggested_backend_change",
}
"""The ticket API's other names of three fields."""


def record(model: type[RecordT], answer: Mapping[str, Any], *, wrote: bool) -> RecordT:
    """Return the record that an answer holds. Raises BackendUnavailable, or OutcomeUnknown after
    a write, when it is not what the API documents."""
    try:
        return model.model_validate(answer)
    except ValidationError:
        raise lost("answered with what it does not document", wrote=wrote) from None


def ticket(row: object, project: str) -> dict[str, Any]:
    """Return a ticket's row under our names, with its reference where that can be told."""
    told = cast(dict[str, Any], row) if isinstance(row, dict) else {}
    for name, alias in _ALIASES.items():
        if told.get(name) is None and alias in told:
            told = {**told, name: told[alias]}
    if "reference" not in told and "number" in told and not is_id(project):
        told = {**told, "reference": reference(told["number"], project)}
    return {name: value for name, value in told.items() if value is not None}


def rows(answer: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list that an answer holds, empty when it holds none."""
    listed = answer.get(name)
    return cast(list[Any], listed) if isinstance(listed, list) else []


def filed(request: CreateTicket, content: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Return what is known of a ticket from its filing, whatever the API tells of it."""
    roles: Sequence[str] = [*request.roles, MERGED]
    return {
        "title": content["title"],
        "request_type": request.request_type,
        "priority": request.priority,
        "blocking": request.blocking,
        "roles": [{"role": role, "status": "pending"} for role in roles],
        "actor_role": actor.role,
        "actor_id": actor.id,
        "source": actor.source,
    }
