"""JSON schemas as small as they can be: what a model reads of a tool before it is ever called."""

from collections.abc import Collection, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from mcp_handoff.mcp.arguments import OBJECT_OR_TEXT

TELLING_LENGTH = 1_000
"""From here on a text's greatest length is shown; names, keys and searches stay below theirs."""

TELLING_NUMBER = 1_000
"""Below this a number's maximum is shown."""

_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
}
_NULL = {"type": "null"}


def input_schema(
    model: type[BaseModel],
    *,
    required: Sequence[str] = (),
    hidden: Collection[str] = (),
) -> dict[str, Any]:
    """Return the schema of a tool's arguments.

    `required` are fields that the model leaves optional and the tool does not; no argument is
    shown to take null, for to leave it out says the same; the `hidden` ones are not shown. What is
    unknown is refused, which no schema says: google-genai can't read `additionalProperties`.
    """
    schema = model.model_json_schema()
    properties: dict[str, Any] = {
        name: _compact(field) for name, field in schema["properties"].items() if name not in hidden
    }
    for name in OBJECT_OR_TEXT & properties.keys():
        told = properties[name].pop("description", None)
        properties[name] = {"description": told, "anyOf": [properties[name], {"type": "string"}]}
    for name in required:
        properties[name] = {**properties[name], "minItems": 1}
    wanted = [name for name in properties if name in {*schema.get("required", ()), *required}]
    return {
        "type": "object",
        "properties": properties,
        **({"required": wanted} if wanted else {}),
    }


def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a tool's answer, down to its first level.

    Nothing in it is required: a client may hold an error's content against it, too.
    """
    fields = model.model_fields.items()
    return {
        "type": "object",
        "properties": {name: _typed(field.annotation) for name, field in fields},
    }


def _compact(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field's schema without what no model needs to call the tool well."""
    options: list[dict[str, Any]] = [option for option in field.get("anyOf", ()) if option != _NULL]
    if len(options) > 1:
        told = {name: field[name] for name in ("description",) if name in field}
        return {**told, "anyOf": [_compact(option) for option in options]}
    whole: dict[str, Any] = {**field, **(options[0] if options else {})}
    slim: dict[str, Any] = {
        name: whole[name] for name in _shown(whole) if whole.get(name) not in (None, "", [])
    }
    if "items" in slim:
        slim["items"] = _compact(slim["items"])
    return {**slim, "type": whole["type"]}


def _shown(field: Mapping[str, Any]) -> list[str]:
    """Return what is shown of a field beside its type: limits only where a model may meet them."""
    if field["type"] == "object":
        return ["description"]
    shown = ["description", "default", "enum", "items", "format"]
    if field.get("minLength", 0) > 1 or field.get("maxLength", 0) >= TELLING_LENGTH:
        shown += ["minLength", "maxLength"]
    if field["type"] == "number":
        shown += ["minimum"]
    if field.get("maximum", TELLING_NUMBER) < TELLING_NUMBER:
        shown += ["maximum"]
    return shown


def _typed(annotation: Any) -> dict[str, Any]:
    """Return the JSON type of a field that is there, none for one of several."""
    if get_origin(annotation) is Annotated:
        return _typed(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = [arm for arm in get_args(annotation) if arm is not NoneType]
        return _typed(kinds[0]) if len(kinds) == 1 else {}
    kind = get_origin(annotation) or annotation
    if kind is Any:
        return {}
    return {"type": "string" if kind is Literal else _TYPES.get(kind, "object")}
