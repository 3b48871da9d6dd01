"""JSON schemas as small as they can be: what a model reads of a tool before it is ever called."""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

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
    model: type[BaseModel], *, required: Sequence[str] = (), nullable: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the schema of a tool's arguments.

    `required` are fields that the model leaves optional and the tool does not; an argument that
    may be left out is not shown to take null, except those that are `nullable`.
    """
    schema = model.model_json_schema()
    properties: dict[str, Any] = {
        name: _compact(field, keep_null=name in nullable)
        for name, field in schema["properties"].items()
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
    slim = {name: value for name, value in field.items() if name != "title"}
    if slim.get("default") in (None, "", []):
        slim.pop("default", None)
    if "enum" in slim:
        slim.pop("type", None)
    if "items" in slim:
        slim["items"] = _compact(slim["items"])
    options = slim.pop("anyOf", [])
    for option in options:
        if option != _NULL:
            slim |= _compact(option)
    return {**slim, "type": [slim["type"], "null"]} if keep_null else slim


def _type(annotation: Any) -> str | list[str]:
    """Return the JSON type of a field, or its types."""
    if get_origin(annotation) in (Union, UnionType):
        return [str(_type(arm)) for arm in get_args(annotation)]
    kind = get_origin(annotation) or annotation
    if kind is Literal:
        return "string"
    return _TYPES.get(kind, "object")
