"""What an API responds: objects that are read with care, for they may hold anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from mcp_handoff.errors import BackendUnavailable, HandoffError, OutcomeUnknown
from mcp_handoff.schema import Record

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response as it came; `body` is None when it was no JSON object, `is_ours` tells whether
    another mcp-handoff sent it, `told` what that said in headers (TOLD_IN_HEADERS)."""

    status: int
    body: dict[str, Any] | None
    told: Mapping[str, bool]
    retry_after: float | None
    is_ours: bool


def parse_response(
    model: type[RecordT],
    response: Mapping[str, Any],
    *,
    wrote: bool,
    masked: Sequence[str] | None = None,
) -> RecordT:
    """Return the record that a response holds, with the names of the fields that were masked
    before they were sent.

    Raises BackendUnavailable, or OutcomeUnknown after a write, when the response is not what the
    API documents.
    """
    fields = {**response, "masked": masked} if masked else response
    try:
        return model.model_validate(fields)
    except ValidationError:
        raise lost("responded with what it does not document", wrote=wrote) from None


def lost(what: str, *, wrote: bool, retry_after: float | None = None) -> HandoffError:
    """Return the error for a request without a usable response: a write may have been done all the
    same."""
    if wrote:
        message = f"The API {what}; it may or may not be done: look first."
        return OutcomeUnknown(message, retry_after=retry_after)
    return BackendUnavailable(f"The API {what}; try again later.", retry_after=retry_after)


def as_object(value: object) -> dict[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """Return a JSON array, an empty one for anything else."""
    return cast(list[object], value) if isinstance(value, list) else []


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a JSON array that hold something, none for anything else."""
    return [row for row in map(as_object, as_list(value)) if row]
