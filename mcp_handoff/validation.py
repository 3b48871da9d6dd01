"""From a caller's arguments to a request: every wrong field is named at once, in our words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mcp_handoff.actors import ActorRole, Claim
from mcp_handoff.errors import RolesRequired, ValidationFailed
from mcp_handoff.near_names import nearest_argument
from mcp_handoff.repositories import NAME_PATTERN
from mcp_handoff.runs import URL_PATTERN
from mcp_handoff.schema import REPO_PATTERN, SLUG_PATTERN, UUID_PATTERN, Request
from mcp_handoff.suggestions import SHA_PATTERN
from mcp_handoff.text.characters import listed, shortened, visible

RequestT_co = TypeVar("RequestT_co", bound=Request, covariant=True)

NAMED_FIELDS = 20
"""How many wrong fields one error names; of the others it gives the number."""

PATH_LENGTH = 80
"""How much of a wrong field's name is repeated."""

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
    "missing": lambda limits: ": ".join(
        filter(None, ("is required", listed(limits.get("choices", ()), "or")))
    ),
    "string_too_short": lambda limits: (
        f"must have at least {limits['min_length']} characters"
        if limits["min_length"] > 1
        else "must not be empty"
    ),
    "too_long": lambda limits: f"must have at most {limits['max_length']} items",
    "string_too_long": lambda limits: f"must have at most {limits['max_length']} characters",
    "literal_error": lambda limits: f"must be one of {limits['expected']}".replace("'", ""),
    "greater_than_equal": lambda limits: f"must be at least {limits['ge']}",
    "less_than_equal": lambda limits: f"must be at most {limits['le']}",
}

_PATTERNS = {
    UUID_PATTERN: "must be a uuid",
    REPO_PATTERN: "must read owner/name",
    NAME_PATTERN: "must read owner/name, with groups between them where the forge nests them",
    SHA_PATTERN: "must be a commit's hash, 7 to 64 hexadecimal digits",
    SLUG_PATTERN: "must be lower-case letters, digits and single hyphens",
    URL_PATTERN: "must be an http or https address",
}
"""What a text must be that a pattern refuses."""


@dataclass(frozen=True, slots=True)
class Arguments(Generic[RequestT_co]):
    """What a caller sent, still to be checked against `model`.

    `fixed` are fields that the door fills in itself; whoever sends one of them all the same is
    told that it is unknown.
    """

    model: type[RequestT_co]
    sent: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def parse(self, actor_role: ActorRole) -> RequestT_co:
        """Return the request that these arguments make when an actor of this role sends them.

        Raises ValidationFailed with every wrong field, or RolesRequired when that is all that is
        wrong.
        """
        fixed = self.sent.keys() & self.fixed.keys()
        if len(self.sent) > len(self.model.model_fields) + NAMED_FIELDS:
            known = self._known()
            unknown = [name for name in self.sent if name not in known]
            named = [_unknown(name) for name in unknown[:NAMED_FIELDS]]
            raise refusal(named, known, more=len(unknown) - len(named))
        try:
            request = self.model.model_validate({**self.sent, **self.fixed}, context=actor_role)
        except ValidationError as error:
            details = map(self._with_choices, error.errors(include_url=False, include_input=False))
            raise refusal([*details, *map(_unknown, fixed)], self._known()) from None
        if fixed:
            raise refusal([*map(_unknown, fixed)], self._known())
        return request

    def _with_choices(self, detail: ErrorDetails) -> ErrorDetails:
        """Return a finding, of a field that is missing with what it may be."""
        if detail["type"] != "missing" or len(detail["loc"]) != 1:
            return detail
        field = self.model.model_fields.get(str(detail["loc"][0]))
        kind = field.annotation if field else None
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        return {**detail, "ctx": {"choices": choices}}

    def _known(self) -> list[str]:
        """Return what a caller calls the fields that it may send."""
        fields = self.model.model_fields
        aliases = {name: fields[name].validation_alias for name in fields if name not in self.fixed}
        return [alias if isinstance(alias, str) else name for name, alias in aliases.items()]


class Translatable(Request):
    """What a door takes in a form of its own."""

    def as_arguments(self) -> Mapping[str, Any]:
        """Return the same as the operation's arguments."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class TranslatedArguments(Arguments[RequestT_co]):
    """What a caller sent in a door's own form, `body`, which is checked first."""

    body: type[Translatable] = Translatable

    def parse(self, actor_role: ActorRole) -> RequestT_co:
        """Return the request that is meant by what was sent. Raises ValidationFailed."""
        sent = Arguments(self.body, self.sent).parse(actor_role)
        return Arguments(self.model, {**sent.as_arguments(), **self.fixed}).parse(actor_role)


def refusal(
    details: Sequence[ErrorDetails], known: Sequence[str] = (), more: int = 0
) -> ValidationFailed:
    """Return pydantic's findings, and `more` of them, as an error of ours; `known` are the fields
    that there are."""
    fields: dict[str, str] = {}
    there_are = f"; there are {', '.join(known)}" if known else ""
    for detail in details[:NAMED_FIELDS]:
        path = ".".join(str(part)[:PATH_LENGTH] for part in detail["loc"])
        name = shortened(visible(path), PATH_LENGTH) or "arguments"
        message = _message(detail, known)
        if message.startswith("is unknown"):
            message, there_are = message + there_are, ""  # one list of what there is serves all
        fields.setdefault(name, message)
    told = "; ".join(f"{path} {message}" for path, message in fields.items())
    if (left := len(details[NAMED_FIELDS:]) + more) > 0:
        told += f"; and {left:,} more"
    if all(detail["type"] == "roles_required" for detail in details):
        return RolesRequired(f"{told}.", fields=fields)
    return ValidationFailed(f"{told}. Nothing was stored.", fields=fields)


def _unknown(name: str) -> ErrorDetails:
    return {"type": "extra_forbidden", "loc": (name,), "msg": "", "input": None}


def _message(detail: ErrorDetails, known: Sequence[str]) -> str:
    kind, name = detail["type"], str(detail["loc"][-1]) if detail["loc"] else ""
    limits: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden" and name in Claim.model_fields:
        return "can't be set: every call made here is stamped as the caller's own"
    if kind == "extra_forbidden":
        near = nearest_argument(name, known)
        return f"is unknown (did you mean {near}?)" if near else "is unknown"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(limits["pattern"], "is not valid")
    if kind in _TYPES:
        return f"must be {_TYPES[kind]}"
    if kind in _MESSAGES:
        return _MESSAGES[kind](limits)
    return str(limits.get("why", "is not valid"))
