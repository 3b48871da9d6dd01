"""How a body is described: by the request that the desk makes of it."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from mcp_handoff.schema import Request

PRINTED = r"^[^\u0000]*$"

_SOLID = r"[^\s\u0085\u0000]"
"""Neither NUL nor white space; whether that has U+0085 the readers of patterns disagree."""


def json_body(
    model: type[Request], *, without: Collection[str] = (), more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what OpenAPI says of a body that holds the fields of `model`, but those that come
    from elsewhere; `more` is added to its schema."""
    schema = model.model_json_schema()
    schema = _resolved(schema, schema.pop("$defs", {}))
    for name in without:
        schema["properties"].pop(name)
    schema["required"] = [name for name in schema.get("required", ()) if name not in without]
    for field in schema["properties"].values():
        _tell_patterns(field)
    schema = {name: value for name, value in schema.items() if value != []} | dict(more or {})
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _tell_patterns(field: dict[str, Any]) -> None:
    """Say of every text in a field what it has to be."""
    for option in field.get("anyOf", [field]):
        if option.get("type") == "string" and not {"enum", "pattern", "format"} & option.keys():
            option["pattern"] = _text_pattern(option.get("minLength", 0))
        for inner in option.get("properties", {}).values():
            _tell_patterns(inner)
        if "items" in option:
            _tell_patterns(option["items"])


def _resolved(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a schema with what it refers to in its place: it is to stand where the references
    would lead nowhere."""
    match schema:
        case {"$ref": str(reference)}:
            return _resolved(definitions[reference.removeprefix("#/$defs/")], definitions)
        case dict():
            members = cast(dict[str, Any], schema)
            return {name: _resolved(member, definitions) for name, member in members.items()}
        case list():
            return [_resolved(item, definitions) for item in cast(list[Any], schema)]
        case _:
            return schema


def _text_pattern(least: int) -> str:
    """Return what a text has to be: no NUL, and as long as it must be without the white space
    around it."""
    if least == 0:
        return PRINTED
    if least == 1:
        return rf"^[^\u0000]*{_SOLID}[^\u0000]*$"
    return rf"^\s*{_SOLID}[^\u0000]{{{least - 2},}}{_SOLID}\s*$"
