"""The types that every noun's fields are made of."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, to_json

from mcp_handoff.text.characters import folded, storable
from mcp_handoff.text.free_json import JSON_BYTES, JSON_DEPTH, check_json
from mcp_handoff.text.masking import find_secrets


class Request(BaseModel):
    """What a caller asks for: exact types, no unknown fields, no surrounding white space."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, str_strip_whitespace=True, defer_build=True
    )


class Record(BaseModel):
    """What a backend returns; fields that it knows and we don't are kept out of the way."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Replayable(Record):
    """What a write returns; `replayed` when it was done before, under the same idempotency key."""

    replayed: Annotated[bool, Field(exclude=True)] = False


TOLD_IN_HEADERS: Mapping[str, str] = {
    "replayed": "Idempotent-Replayed",
    "already": "Handoff-Already",
}
"""Fields that REST tells in a header, for the bodies that they belong to are documented ones."""


def _check_text(text: str) -> str:
    try:
        return storable(text)
    except ValueError as error:
        raise PydanticCustomError("unstorable", "{why}", {"why": str(error)}) from None


def _check_name(name: str) -> str:
    if secrets := find_secrets(name):
        why = f"looks like it holds a secret ({secrets[0][2]}), and names are shown to everybody"
        raise PydanticCustomError("secret", "{why}", {"why": why})
    return name


def _check_object(value: dict[str, Any]) -> dict[str, Any]:
    try:
        check_json(value)
    except ValueError as error:
        raise PydanticCustomError("unstorable", "{why}", {"why": str(error)}) from None
    if (size := len(to_json(value))) > JSON_BYTES:
        why = f"must be at most {JSON_BYTES} bytes as JSON, is {size}"
        raise PydanticCustomError("unstorable", "{why}", {"why": why})
    return value


def _as_one_line(value: Any) -> Any:
    return folded(value) if isinstance(value, str) else value


def _as_integer(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


STORABLE = AfterValidator(_check_text)
"""Refuses text that not every database can hold."""

ONE_LINE = BeforeValidator(_as_one_line)
"""Folds a text that has one line, whoever wrote it: what follows a line's end could be taken for
something of ours."""

HARMLESS = AfterValidator(_check_name)
"""Refuses a name that holds a secret: what is looked up, compared and logged can't be masked."""

WHOLE = BeforeValidator(_as_integer)
"""JSON has one kind of number: 7.0 is the integer 7 (JSON Schema, section 6.1.1)."""

# Its keys are Any, or a request's own rule would strip the white space around them.
JsonObject = Annotated[
    dict[Any, Any],
    AfterValidator(_check_object),
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
"""A free JSON object: at most JSON_BYTES as JSON, nested at most JSON_DEPTH levels."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200), STORABLE, HARMLESS, ONE_LINE]
"""A short name."""

SLUG_LENGTH = 60

SLUG_PATTERN = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"

Slug = Annotated[
    str,
    StringConstraints(max_length=SLUG_LENGTH, pattern=SLUG_PATTERN),
    STORABLE,
    HARMLESS,
]
"""Lower-case letters, digits and single hyphens."""

IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255), STORABLE, HARMLESS]
"""Makes a retry safe: the same key and arguments give the first result again."""

CALL_KEY = "handoff-call-"
"""How a key begins that a client made by itself for one call and its retries: what would be done
without a key is done under it, once."""

REPO_PATTERN = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"

Repo = Annotated[
    str,
    StringConstraints(max_length=200, pattern=REPO_PATTERN),
    STORABLE,
    HARMLESS,
    Field(description="owner/name"),
]
"""A repository as owner/name."""

UUID_PATTERN = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

Uuid = Annotated[
    str,
    StringConstraints(pattern=UUID_PATTERN, to_lower=True),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
"""A UUID in its usual form (RFC 9562, section 4)."""

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""An instant in UTC with milliseconds (RFC 3339)."""


def _check_instant(text: str) -> str:
    """Return an instant as it is stored; one without a zone is UTC's."""
    try:
        instant = datetime.fromisoformat(text)
        instant = instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        why = "must be a date or an instant, such as 2026-03-01 or 2026-03-01T09:30:00Z (RFC 3339)"
        raise PydanticCustomError("instant", "{why}", {"why": why}) from None
    return timestamp(instant)


Instant = Annotated[str, StringConstraints(max_length=40), AfterValidator(_check_instant)]
"""An instant that a caller names."""


@lru_cache(maxsize=64)
def timestamp(instant: datetime) -> str:
    """Return an instant in UTC as a Timestamp."""
    return f"{instant.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


Limit = Annotated[int, Field(ge=1, le=100), WHOLE]
"""How many rows a page has at most."""

COUNTED = 1_000
"""How far the rows of a list are counted; one more stands for more."""

WaitSeconds = Annotated[int, Field(ge=0, le=50), WHOLE]
"""How long a call waits at most for a change of what it asks for: less than the minute after which
many clients and proxies give up."""

Cursor = Annotated[str, StringConstraints(max_length=200), STORABLE]
"""Where the next page begins: the `next_cursor` of the page before."""
