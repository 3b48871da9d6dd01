"""What the path, the query and the headers of a request hold."""

from typing import Annotated, Any

from fastapi import Header, Path, Query
from pydantic import WithJsonSchema

from mcp_handoff import references
from mcp_handoff.rest.bodies import PRINTED
from mcp_handoff.tickets import QUERY_BEGINNINGS, QUERY_WORDS
from mcp_handoff.workflow import STAGES

_NAME = WithJsonSchema(
    {"type": "string", "maxLength": 60, "pattern": "^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$"}
)
"""A slug or a uuid."""

_UUID = WithJsonSchema({"type": "string", "format": "uuid"})

ProjectId = Annotated[str, Path(alias="id", description="a project's id or slug"), _NAME]

TicketId = Annotated[
    str,
    Path(alias="ticketId", description="a ticket's id, reference or number"),
    WithJsonSchema({"type": "string", "pattern": references.PATTERN}),
]

SuggestionId = Annotated[str, Path(alias="suggestionId"), _UUID]

Organization = Annotated[str, Path(alias="org", description="an organization's slug"), _NAME]

BuildId = Annotated[str, Path(alias="build_id"), _UUID]

RepositoryId = Annotated[str, Path(alias="repository_id"), _UUID]

WebhookId = Annotated[str, Path(alias="webhook_id"), _UUID]

RunId = Annotated[str, Path(alias="run_id"), _UUID]

_STAGE = f" *({'|'.join(STAGES)})? *"

Stages = Annotated[
    str,
    Query(alias="stage", description="stages, separated by commas"),
    WithJsonSchema({"type": "string", "pattern": f"^{_STAGE}(,{_STAGE})*$"}),
]

Words = Annotated[
    str,
    Query(
        alias="q",
        max_length=200,
        description=(
            f"at most {QUERY_WORDS} words, {QUERY_BEGINNINGS} of them beginnings such as cras*;"
            " or a ticket's number or reference"
        ),
    ),
    WithJsonSchema({"type": "string", "maxLength": 200, "pattern": PRINTED}),
]

Author = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="the actor or the token that filed the ticket"),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200, "pattern": PRINTED}),
]

Doer = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="the actor's id or the token's name, as it is"),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200, "pattern": PRINTED}),
]

Holder = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        description="who holds one of the ticket's roles: a name, me, nobody, anyone",
    ),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200, "pattern": PRINTED}),
]

INSTANT = WithJsonSchema({"anyOf": [{"format": "date-time"}, {"format": "date"}], "type": "string"})

Since = Annotated[
    str | None,
    Query(description="a date or an RFC 3339 instant, UTC where it has no zone"),
    INSTANT,
]

TicketQuery = Annotated[
    str | None,
    Query(description="a ticket's reference, or with its project its id or number"),
    WithJsonSchema({"type": "string", "pattern": references.PATTERN}),
]

ProjectQuery = Annotated[str | None, Query(description="the ticket's project: id or slug"), _NAME]

Cursor = Annotated[
    str | None,
    Query(max_length=200, description="the next_cursor of the page before, same filters"),
]

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description=(
            "makes a retry safe: the same key and body give the first result again, for 30 days"
            " unless the server is told otherwise"
        ),
    ),
]


Wait = Annotated[
    int,
    Query(ge=0, le=50, description="seconds to wait at most for the next change of what is read"),
]


def stages_in(stages: str) -> list[str]:
    """Return the names in a list with commas."""
    return [name.strip() for name in stages.split(",") if name.strip()]


def given(**parameters: Any) -> dict[str, Any]:
    """Return those parameters that were given."""
    return {name: value for name, value in parameters.items() if value is not None}
