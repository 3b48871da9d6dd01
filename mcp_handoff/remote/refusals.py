"""From what an API answers when it refuses to our own errors, in our own words.

Both envelopes are read: the ticket API's (code, fieldErrors, issues, retryAfter, reconnect) and the
builds API's (code, detail, errors, type).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from mcp_handoff import errors
from mcp_handoff.errors import HandoffError
from mcp_handoff.text import shortened, visible

_BY_STATUS: Mapping[int, tuple[type[HandoffError], str]] = {
    400: (errors.ValidationFailed, "does not take it like this; look at the fields"),
    401: (errors.Unauthenticated, "does not know the token that was configured for it"),
    403: (errors.Forbidden, "does not let this token do that"),
    404: (errors.NotFound, "has no such thing, or not for this token"),
    405: (errors.Unsupported, "has no such operation"),
    408: (errors.BackendUnavailable, "did not get the whole request in time; try again later"),
    409: (errors.SuggestionNotPending, "has had it acted on meanwhile; nothing was changed"),
    413: (errors.ValidationFailed, "takes nothing that long; shorten it"),
    422: (errors.ValidationFailed, "does not take it like this; look at the fields"),
    426: (errors.Unsupported, "asks for a newer client; update mcp-handoff"),
    429: (errors.RateLimited, "gets too many calls; wait before the next"),
    501: (errors.Unsupported, "has no such operation"),
}

_EXISTS = (errors.AlreadyExists, "has that already; nothing was changed")
"""What 409 means in the builds API."""

_TYPES: Mapping[str, type[HandoffError]] = {
    "validation_error": errors.ValidationFailed,
    "not_found_error": errors.NotFound,
    "forbidden_error": errors.Forbidden,
    "authentication_error": errors.Unauthenticated,
    "already_exists_error": errors.AlreadyExists,
    "usage_limit_exceeded_error": errors.RateLimited,
    "bad_gateway_error": errors.BackendUnavailable,
    "gateway_timeout_error": errors.OutcomeUnknown,
}

_RECONNECT = " Linking GitHub again in the API's own settings may help."
_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,60}")
_NAMES = 20
"""How many fields are named at most of those that an API refused."""

_LONGEST = 10**7
"""The most seconds that a `retryAfter` is believed."""

_OURS_ALONE = (errors.Internal, errors.Misconfigured)


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal as it came: `is_ours` when another mcp-handoff answered, `wrote` when the request
    was one that writes; `body` is None when it was no JSON object."""

    status: int
    body: dict[str, Any] | None
    retry_after: float | None
    is_ours: bool
    wrote: bool


def refusal(answer: Answer) -> HandoffError:
    """Return the error that an answer stands for."""
    if answer.is_ours and (kind := _kind(answer.body or {})):
        return _rebuilt(kind, answer)
    if answer.status >= 500 and answer.status not in _BY_STATUS:
        what = f"answered with status {answer.status}"
        return lost(what, wrote=answer.wrote, retry_after=_retry_after(answer))
    kind, why = _meaning(answer)
    fields = _field_names(answer.body or {})
    named = f" ({', '.join(fields)})" if fields else ""
    advice = _RECONNECT if (answer.body or {}).get("reconnect") is True else ""
    return kind(
        f"The API {why}{named}.{advice}",
        fields=dict.fromkeys(fields, "was refused by the API"),
        retry_after=_retry_after(answer),
    )


def lost(what: str, *, wrote: bool, retry_after: float | None = None) -> HandoffError:
    """Return what is told when no usable answer came: a write may have been done all the same."""
    if wrote:
        message = f"The API {what}; it may or may not be done: look first."
        return errors.OutcomeUnknown(message, retry_after=retry_after)
    message = f"The API {what}; try again later."
    return errors.BackendUnavailable(message, retry_after=retry_after)


def _meaning(answer: Answer) -> tuple[type[HandoffError], str]:
    if answer.status == 409 and "detail" in (answer.body or {}):
        return _EXISTS
    unknown = (errors.Unsupported, f"refused it with status {answer.status}")
    return _BY_STATUS.get(answer.status, unknown)


def _kind(body: Mapping[str, Any]) -> type[HandoffError] | None:
    """Return the error that another mcp-handoff named; a defect there is not one here."""
    code = body.get("code")
    named = (kind for kind in _all_kinds(HandoffError) if kind.code == code)
    kind = next(named, None) or _TYPES.get(str(body.get("type")))
    return None if kind in _OURS_ALONE else kind


def _all_kinds(kind: type[HandoffError]) -> Iterator[type[HandoffError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _all_kinds(child)


def _rebuilt(kind: type[HandoffError], answer: Answer) -> HandoffError:
    body = answer.body or {}
    message = body.get("error") or body.get("detail") or f"The API answered {answer.status}."
    state = body.get("state")
    return kind(
        shortened(visible(str(message)), 2000),
        fields=_fields(body),
        retry_after=_retry_after(answer),
        state=str(state) if state else None,
    )


def _field_names(body: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields that were wrong, where they read like names."""
    return [name for name in _fields(body) if _NAME.fullmatch(name)][:_NAMES]


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that were wrong, each with what was said of it."""
    listed = body.get("fieldErrors")
    found: dict[Any, Any] = dict(cast(dict[Any, Any], listed)) if isinstance(listed, dict) else {}
    for issue in _objects(body.get("issues")):
        found.setdefault(issue.get("path"), issue.get("message"))
    for issue in _objects(body.get("errors")):
        found.setdefault(_place(issue.get("loc")), issue.get("msg"))
    return {_line(name, 80): _line(said, 300) for name, said in found.items()}


def _objects(items: object) -> list[dict[str, Any]]:
    if not isinstance(items, list):
        return []
    listed = cast(list[object], items)
    return [cast(dict[str, Any], item) for item in listed if isinstance(item, dict)]


def _place(loc: object) -> str:
    parts = cast(list[object], loc) if isinstance(loc, list) else [loc]
    return ".".join(str(part) for part in parts if part not in ("body", "query", "path"))


def _line(value: object, length: int) -> str:
    return shortened(visible(str(value)), length)


def _retry_after(answer: Answer) -> float | None:
    told = (answer.body or {}).get("retryAfter")
    if isinstance(told, bool) or not isinstance(told, int | float):
        return answer.retry_after
    return float(told) if 0 <= told <= _LONGEST else answer.retry_after
