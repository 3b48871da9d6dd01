"""The types of fields with all their limits: REST describes what a tool's list leaves out."""

from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from mcp_handoff import references, schema, suggestions
from mcp_handoff.text import JSON_BYTES, JSON_DEPTH

NAME_PATTERN = "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$"
"""A slug or a uuid."""

TICKET_PATTERN = (
    "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    "|[Hh][Oo]-[1-9][0-9]{0,14}-[A-Za-z0-9-]{1,60}"
    "|[1-9][0-9]{0,14})$"
)
"""A ticket's uuid, reference or number."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


_WHOLE = BeforeValidator(_whole)
"""JSON has one kind of number: 7.0 is the integer 7 (JSON Schema, section 6.1.1)."""

_SOLID = r"[^\s\u0085\u0000]"
"""Neither NUL nor white space; whether that has U+0085 the readers of patterns disagree."""

PRINTED = r"^[^\u0000]*$"


def _text(**limits: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **limits})


Name = Annotated[schema.Name, _text(minLength=1, maxLength=200)]

Repo = Annotated[
    schema.Repo, _text(maxLength=200, pattern="^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", title="Repo")
]

Sha = Annotated[suggestions.Sha, _text(pattern="^[0-9a-fA-F]{7,64}$")]

PullRequest = Annotated[
    suggestions.PullRequest,
    _WHOLE,
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 2**31 - 1}),
]

TicketName = Annotated[
    references.TicketName,
    _WHOLE,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": TICKET_PATTERN},
                {"type": "integer", "minimum": 1, "maximum": 10**15 - 1},
            ]
        }
    ),
]


JsonObject = Annotated[
    schema.JsonObject,
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": True,
            "description": (
                f"free JSON: at most {JSON_BYTES} bytes, {JSON_DEPTH} levels, integers of 64 bits,"
                " no NUL characters"
            ),
        }
    ),
]


def describe_texts(model: dict[str, Any]) -> None:
    """Add to a model's JSON schema what every text in it has to be: no NUL, and as long as it must
    be without the white space around it."""
    for field in model["properties"].values():
        for option in field.get("anyOf", [field]):
            if option.get("type") == "string" and not {"enum", "pattern"} & option.keys():
                option["pattern"] = _pattern(option.get("minLength", 0))


def _pattern(least: int) -> str:
    if least == 0:
        return PRINTED
    if least == 1:
        return rf"^[^\u0000]*{_SOLID}[^\u0000]*$"
    return rf"^\s*{_SOLID}[^\u0000]{{{least - 2},}}{_SOLID}\s*$"
