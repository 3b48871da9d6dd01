"""From a caller's arguments to a request: every wrong field is named at once, in our words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mcp_handoff.actors import ActorRole
from mcp_handoff.errors import RolesRequired, ValidationFailed
from mcp_handoff.schema import Request
from mcp_handoff.text import shortened, visible

RequestT = TypeVar("RequestT", bound=Request)

_STAMPED = ("actor_role", "actor_id", "source")

_TYPES = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "string_unicode": "text without lone surrogates",
}

_MESSAGES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is required",
    "string_too_short": lambda limits: f"must have at least {limits['min_length']} characters",
    "string_too_long": lambda limits: f"must have at most {limits['max_length']} characters",
    "literal_error": lambda limits: f"must be one of {limits['expected']}".replace("'", ""),
    "greater_than_equal": lambda limits: f"must be at least {limits['ge']}",
    "less_than_equal": lambda limits: f"must be at most {limits['le']}",
    "unstorable": lambda limits: str(limits["why"]),
    "reference": lambda limits: str(limits["why"]),
    "roles_required": lambda limits: str(limits["why"]),
}

_PATTERNS = {
    "repo": "must read owner/name",
    "merge_sha": "must be a commit's hash, 7 to 64 hexadecimal digits",
    "slug": "must be lower-case letters, digits and single hyphens",
}


def parse(model: type[RequestT], arguments: Mapping[str, Any], actor_role: ActorRole) -> RequestT:
    """Return the request that `arguments` make.

    Raises ValidationFailed with every wrong field, or RolesRequired when that is all that is wrong.
    """
    try:
        return model.model_validate(arguments, context=actor_role)
    except ValidationError as error:
        raise refusal(error.errors(include_url=False), model) from None


def refusal(
    details: Sequence[ErrorDetails], model: type[Request] | None = None
) -> ValidationFailed:
    """Return pydantic's findings as an error of ours; `model` is what they were found against."""
    fields: dict[str, str] = {}
    for detail in details:
        fields.setdefault(_path(detail), _message(model, detail))
    listed = "; ".join(f"{path} {message}" for path, message in fields.items())
    if all(detail["type"] == "roles_required" for detail in details):
        return RolesRequired(f"{listed}.", fields=fields)
    return ValidationFailed(f"{listed}. Nothing was stored.", fields=fields)


def _path(detail: ErrorDetails) -> str:
    return shortened(visible(".".join(str(part) for part in detail["loc"])), 80) or "arguments"


def _message(model: type[Request] | None, detail: ErrorDetails) -> str:
    kind, name = detail["type"], str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return _unknown(model, name)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(name, "must be a uuid")
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}"
    if kind in _MESSAGES:
        return _MESSAGES[kind](detail.get("ctx", {}))
    return "is not valid"


def _unknown(model: type[Request] | None, name: str) -> str:
    if name in _STAMPED:
        return "can't be set: every call made here is stamped as the caller's own"
    return f"is unknown; there are {', '.join(model.model_fields)}" if model else "is unknown"
