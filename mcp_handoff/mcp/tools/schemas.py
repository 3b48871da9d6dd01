"""JSON schemas as small as they can be: what a model reads of a tool before it is ever called."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from mcp_handoff.mcp.arguments import ROWS

TELLING_NUMBER = 1_000
"""Below this a number's maximum is shown; those of a page's rows are not, see ROWS."""

_TYPES: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
}
_NULL = {"type": "null"}


OUTPUT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"message": {"type": "string"}},
}
"""What every answer has, whatever the tool. Nothing of it is required: a client may hold an error's
content against it, too."""


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
    for name in required:
        properties[name] = {**properties[name], "minItems": 1}
    if ROWS in properties:
        del properties[ROWS]["maximum"]  # whoever asks for more gets those
    wanted = [name for name in properties if name in {*schema.get("required", ()), *required}]
    return {
        "type": "object",
        "properties": properties,
        **({"required": wanted} if wanted else {}),
    }


def _compact(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field's schema without what no model needs to call the tool well: of what may be of
    several kinds the first."""
    options: list[dict[str, Any]] = [option for option in field.get("anyOf", ()) if option != _NULL]
    whole: dict[str, Any] = {**field, **(options[0] if options else {})}
    slim: dict[str, Any] = {
        name: whole[name] for name in _shown(whole) if whole.get(name) not in (None, "", [])
    }
    if "items" in slim:
        slim["items"] = _compact(slim["items"])
    return {**slim, "type": whole["type"]}


def _shown(field: Mapping[str, Any]) -> list[str]:
    """Return what is shown of a field beside its type: a default that is one of several choices,
    limits only where a model may meet them."""
    if field["type"] == "object":
        return []  # what it may hold and how much, an error tells
    shown = ["description", "enum", "items"]
    if "enum" in field:
        shown += ["default"]
    if field.get("minLength", 0) > 1:
        shown += ["minLength", "maxLength"]
    if field["type"] == "number":
        shown += ["minimum"]
    if field.get("maximum", TELLING_NUMBER) < TELLING_NUMBER:
        shown += ["maximum"]
    return shown
