"""What a caller meant by a tool's arguments, before they are checked.

What everyone means the same by is taken; all else stays as it was sent, and is refused with what
there is. The rules go by the kind of a field, as the JSON schema of the tool's request tells it, so
that a new field has them by itself. docs/decisions/what-is-meant.md
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from mcp_handoff import references
from mcp_handoff.mcp import names
from mcp_handoff.schema import REPO_PATTERN, Request
from mcp_handoff.suggestions import LAST_PULL_REQUEST, SHA_PATTERN
from mcp_handoff.text.free_json import JSON_BYTES, JSON_DEPTH
from mcp_handoff.validation import NAMED_FIELDS

Rule = Callable[[Any], Any]
"""Returns what was meant by a value: the value itself where it is not plain."""

WRAPPERS = frozenset(
    ("arguments", "args", "input", "params", "parameters", "payload", "data", "body", "request")
)
"""What a client calls all the arguments when it sends them as one."""

ROWS = "limit"
"""How many rows a page has: whoever asks for more than there may be gets those."""

OBJECT_OR_TEXT = frozenset({"evidence"})
"""Objects in whose place a text is kept too, as `{"text": …}`."""

JSON_TEXT = 8 * JSON_BYTES
"""How much JSON text is read: characters written as \\uXXXX take six times their bytes."""

LISTED_ITEMS = 200
"""Of longer lists nothing is read: there is none that takes so many."""

_ALSO_CALLED: Mapping[str, str] = {
    "any": "all",
    "execute": "accept approve apply",
    "decline": "reject",
    "feature_request": "feature",
    "clarification_needed": "clarification answer",
    "decision_needed": "decision",
    "building": "running",
    "ready": "succeeded",
}
"""By choice of an enumeration: what descriptions of tools and their other choices call it too. A
build is building while its run is running, and ready once that succeeded."""

_ABSENT = frozenset({"null", "none", "undefined"})
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}(?:\.0{1,20})?")
_NUMBER = re.compile(r"([+-]?[0-9]{0,20}\.?[0-9]{1,20})(\s*%)?")
_SEPARATORS = re.compile(r"[,;\n|&]|\band\b")
_STRINGS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OTHER_THAN_BRACKETS = re.compile(r"[^][{}]+")


@dataclass(frozen=True, slots=True)
class _Field:
    """How an argument is read, and whether it may be left out, also by a word or a blank."""

    read: Rule
    optional: bool
    is_text: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """How the arguments of one tool are read."""

    fields: Mapping[str, _Field]

    @classmethod
    def of(cls, model: type[Request], hidden: Collection[str] = ()) -> Self:
        """Return how the arguments that make a request of this kind are read, but the `hidden`
        ones, which no caller sends."""
        schema = model.model_json_schema()
        required = schema.get("required", ())
        return cls(
            {
                name: _field(name, field, optional=name not in required)
                for name, field in schema["properties"].items()
                if name not in hidden
            }
        )

    def meant(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments that were meant; those that are null were not given."""
        sent = _unwrapped(sent, self.fields)
        if len(sent) > len(self.fields) + NAMED_FIELDS:
            return sent  # refused whatever is in it
        arguments = dict[str, Any]()
        for name, value in sent.items():
            field = self.fields.get(name)
            if field is None:
                arguments[name] = value
            elif not _is_absent(field, value):
                read = field.read(value)
                if not _is_absent(field, read):  # as a list of one blank would be
                    arguments[name] = read
        return arguments


def parse_json(text: str) -> Any:
    """Return the object or list that JSON text says, None where it says none, or one that is
    longer or deeper than any that is taken."""
    if not text.lstrip().startswith(("{", "[")) or len(text) > JSON_TEXT or not _is_shallow(text):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_shallow(text: str) -> bool:
    """Tell whether JSON text is nested so little that reading it needs no deep stack."""
    brackets = _OTHER_THAN_BRACKETS.sub("", _STRINGS.sub("", text))
    for _ in range(2 * JSON_DEPTH):
        inner = brackets.replace("[]", "").replace("{}", "")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return not brackets


def _unwrapped(sent: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    """Return the arguments that were sent as the object, or JSON text, of a single one."""
    if len(sent) != 1:
        return sent
    [(name, value)] = sent.items()
    if name in known or name not in WRAPPERS:
        return sent
    inside = parse_json(value) if isinstance(value, str) else value
    return cast(dict[str, Any], inside) if isinstance(inside, dict) else sent


def _is_absent(field: _Field, value: Any) -> bool:
    if value is None:
        return True
    if not field.optional or not isinstance(value, str):
        return False
    if field.is_text:
        return not value.strip()
    return len(value) < names.LONGEST and value.strip().lower() in {"", *_ABSENT}


def _field(name: str, schema: Mapping[str, Any], *, optional: bool) -> _Field:
    rule = _rule(name, schema)
    return _Field(rule, optional, is_text=rule is _text)


def _rule(name: str, schema: Mapping[str, Any]) -> Rule:
    """Return how a field of this schema, or an item of a list, is read."""
    options = [one for one in schema.get("anyOf", (schema,)) if one.get("type") != "null"]
    first = options[0]
    if "enum" in first:
        return _single(_one_of(first["enum"]))
    if any(one.get("pattern") == references.PATTERN for one in options):
        return _single(names.ticket)
    match first.get("type"):
        case "array":
            item = _rule("", first.get("items", {}))
            return _list_of(item, splits=item is not _text)
        case "object":
            return _object_or_text if name in OBJECT_OR_TEXT else _object
        case "boolean":
            return _single(_flag)
        case "integer" if first.get("maximum") == LAST_PULL_REQUEST:
            return _single(names.pull_request)
        case "integer" if name == ROWS:
            return _single(_at_most(first["maximum"]))
        case "integer":
            return _single(_integer)
        case "number":
            return _single(_number)
        case _ if first.get("format") == "uuid":
            return _single(names.identifier)
        case _:
            shapes = {REPO_PATTERN: names.repository, SHA_PATTERN: names.commit}
            shape = shapes.get(first.get("pattern", ""))
            return _single(shape) if shape else _text


def _single(read: Rule) -> Rule:
    """Return a rule that takes a list of one for the one."""

    def read_one(value: Any) -> Any:
        items = cast(list[Any], value) if isinstance(value, list) else list[Any]()
        is_one = len(items) == 1 and isinstance(items[0], str | int | float)
        return read(items[0] if is_one else value)

    return read_one


def _one_of(choices: Sequence[str]) -> Rule:
    named = {word: one for one in choices for word in _ALSO_CALLED.get(one, "").split()}
    named |= {_folded(choice): choice for choice in choices}

    def read(value: Any) -> Any:
        if not isinstance(value, str) or len(value) > names.LONGEST:
            return value
        return named.get(_folded(value), value)

    return read


def _folded(choice: str) -> str:
    """Return a choice without its case and all that is neither letter nor digit."""
    return re.sub(r"[\W_]+", "", choice).casefold()


def _list_of(read: Rule, *, splits: bool) -> Rule:
    def read_all(value: Any) -> Any:
        if isinstance(value, dict):
            return cast(dict[str, Any], value)
        if isinstance(value, str):
            parsed = parse_json(value)
            if isinstance(parsed, list):
                value = cast(list[Any], parsed)
            elif splits and len(value) <= names.LONGEST:
                value = [part.strip() for part in _SEPARATORS.split(value) if part.strip()]
        items = cast(list[Any], value) if isinstance(value, list) else [value]
        return [read(item) for item in items] if len(items) <= LISTED_ITEMS else items

    return read_all


def _object(value: Any) -> Any:
    parsed = parse_json(value) if isinstance(value, str) else None
    return cast(dict[str, Any], parsed) if isinstance(parsed, dict) else value


def _object_or_text(value: Any) -> Any:
    read = _object(value)
    if not isinstance(read, str):
        return read
    text = read.strip()
    is_json = text.startswith("{") or isinstance(parse_json(text), list)
    return read if is_json or not text else {"text": text}


def _flag(value: Any) -> Any:
    return _FLAGS.get(value.strip().lower(), value) if isinstance(value, str) else value


def _integer(value: Any) -> Any:
    text = value.strip() if isinstance(value, str) else ""
    return int(text.partition(".")[0]) if _INTEGER.fullmatch(text) else value


def _number(value: Any) -> Any:
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return value
    return float(found[1]) / 100 if found[2] else float(found[1])


def _at_most(maximum: int) -> Rule:
    def read(value: Any) -> Any:
        number = _integer(value)
        if isinstance(number, bool) or not isinstance(number, int | float):
            return value
        return min(number, maximum)

    return read


def _text(value: Any) -> Any:
    return str(value) if type(value) is int and abs(value) < 2**63 else value
