"""From what an API tells of a thing to our record of it; what it does not document stays out."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from mcp_handoff.actors import Actor
from mcp_handoff.projects import is_id
from mcp_handoff.references import reference
from mcp_handoff.remote.refusals import lost
from mcp_handoff.schema import Record
from mcp_handoff.suggestions import ApplyResult
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
    told = _object(row)
    for name, alias in _ALIASES.items():
        if told.get(name) is None and alias in told:
            told = {**told, name: told[alias]}
    if "reference" not in told and "number" in told and not is_id(project):
        told = {**told, "reference": reference(told["number"], project)}
    told = {**told, "roles": [_role(role) for role in _list(told.get("roles"))]}
    told["ai_output"] = _ai_output(told.get("ai_output"))
    return {name: value for name, value in told.items() if value not in (None, [])}


def build(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a build's row with the status that it has where none is told."""
    return {"status": "ready", **row}


def acted(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what came of a suggestion; `apply_result` only where all of it is told."""
    applied = _object(answer.get("apply_result"))
    whole = applied.keys() >= ApplyResult.model_fields.keys()
    return {**answer, "apply_result": applied if whole else None}


def rows(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects of a list that an answer holds, none when it holds no such list."""
    return [row for row in map(_object, _list(answer.get(name))) if row]


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


def _object(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return cast(list[object], value) if isinstance(value, list) else []


def _role(role: object) -> object:
    """Return a role's row; where it is told by its name alone, it is a new ticket's."""
    return {"role": role, "status": "pending"} if isinstance(role, str) else role


def _ai_output(value: object) -> dict[str, Any] | None:
    """Return what bots left on a ticket; its shape is not documented, so only objects are kept."""
    told = _object(value)
    if not isinstance(told.get("build_run", {}), dict):
        told = {name: said for name, said in told.items() if name != "build_run"}
    return told or None
