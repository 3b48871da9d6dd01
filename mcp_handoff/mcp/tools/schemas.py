"""JSON schemas as small as they can be: what a model reads of a tool before it is ever called."""

from collections.abc import Collection, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

TELLING_LENGTH = 1_000
"""From here on a text's greatest length is shown; names, keys and searches stay below theirs."""

TELLING_NUMBER = 1_000
"""Below this a number's maximum is shown."""

_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
    list: "array",
}
_NULL = {"type": "null"}


def input_schema(
    model: type[BaseModel],
    *,
    required: Sequence[str] = (),
    nullable: Sequence[str] = (),
    hidden: Collection[str] = (),
) -> dict[str, Any]:
    """Return the schema of a tool's arguments.

    `required` are fields that the model leaves optional and the tool does not; an argument that
    may be left out is not shown to take null, except those that are `nullable`; the `hidden` ones
    are not shown.
    """
    schema = model.model_json_schema()
    properties: dict[str, Any] = {
        name: _compact(field, keep_null=name in nullable)
        for name, field in schema["properties"].items()
        if name not in hidden
    }
    for name in required:
        properties[name] = {**properties[name], "minItems": 1}
    wanted = [name for name in properties if name in {*schema.get("required", ()), *required}]
    return {
        "type": "object",
        "properties": properties,
        **({"required": wanted} if wanted else {}),
        "additionalProperties": False,
    }


def output_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of what a tool's result always has, down to its first level."""
    always = {name: field for name, field in model.model_fields.items() if field.is_required()}
    return {
        "type": "object",
        "properties": {name: {"type": _type(field.annotation)} for name, field in always.items()},
        "required": list(always),
    }


def structured_arguments(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the arguments that are arrays or objects."""
    kinds = {name: field.get("type", ()) for name, field in schema["properties"].items()}
    return frozenset(name for name, kind in kinds.items() if "array" in kind or "object" in kind)


def _compact(field: Mapping[str, Any], *, keep_null: bool = False) -> dict[str, Any]:
    """Return a field's schema without what no model needs to call the tool well."""
    options: list[dict[str, Any]] = [option for option in field.get("anyOf", ()) if option != _NULL]
    whole: dict[str, Any] = {**field, **(options[0] if options else {})}
    types: Any = [option["type"] for option in options] if len(options) > 1 else whole["type"]
    slim: dict[str, Any] = {
        name: whole[name] for name in _shown(whole) if whole.get(name) not in (None, "", [])
    }
    if "items" in slim:
        slim["items"] = _compact(slim["items"])
    if "enum" not in slim:
        slim["type"] = [types, "null"] if keep_null else types
    return slim


def _shown(field: Mapping[str, Any]) -> list[str]:
    """Return what is shown of a field beside its type: limits only where a model may meet them."""
    if field["type"] == "object":
        return []
    shown = ["description", "default", "enum", "items", "format"]
    if field.get("minLength", 0) > 1 or field.get("maxLength", 0) >= TELLING_LENGTH:
        shown += ["minLength", "maxLength"]
    if field["type"] == "number":
        shown += ["minimum"]
    if field.get("maximum", TELLING_NUMBER) < TELLING_NUMBER:
        shown += ["maximum"]
    return shown


def _type(annotation: Any) -> str | list[str]:
    """Return the JSON type of a field, or its types."""
    if get_origin(annotation) in (Union, UnionType):
        return [str(_type(arm)) for arm in get_args(annotation)]
    kind = get_origin(annotation) or annotation
    if kind is Literal:
        return "string"
    return _TYPES.get(kind, "object")
