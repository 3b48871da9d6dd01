"""JSON schemas as rows that people read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]

_LIMITS: Mapping[str, str] = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "default": "default `{}`",
    "format": "{}",
}
_NULL: Schema = {"type": "null"}
_NOT_EMPTY = ("minLength", 1)  # which nobody asks about


def rows_of(schema: Schema) -> Iterator[Sequence[str]]:
    """Yield the fields of an object: name, type, whether it is required, and what else holds."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield f"`{name}`", type_of(field), "yes" if name in required else "", _said(field)


def type_of(field: Schema) -> str:
    """Return what a value may be; of a record its name, with a link to it."""
    options = [option for option in field.get("anyOf", ()) if option != _NULL]
    if options:
        either = " or ".join(dict.fromkeys(type_of(option) for option in options))
        return f"{either}, or null" if _NULL in field["anyOf"] else either
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {type_of(field['items'])}"
    return str(field.get("type", "any JSON"))


def _said(field: Schema) -> str:
    told = [str(field["description"])] if "description" in field else []
    for bounded in (field, *(option for option in field.get("anyOf", ()) if option != _NULL)):
        told += [
            words.format(str(bounded[name]).lower() if bounded[name] is False else bounded[name])
            for name, words in _LIMITS.items()
            if bounded.get(name) not in (None, "", []) and (name, bounded[name]) != _NOT_EMPTY
        ]
    return "; ".join(dict.fromkeys(told))
