"""From what an API responds when it refuses to our own errors, in our own words.

Both envelopes are read: the ticket API's (code, fieldErrors, issues, retryAfter, reconnect) and the
builds API's (code, detail, errors, type).
"""

import re
from collections.abc import Mapping
from typing import Any

from mcp_handoff import errors
from mcp_handoff.errors import HandoffError
from mcp_handoff.remote.responses import ApiResponse, as_list, as_object, lost, objects
from mcp_handoff.text.characters import shortened, visible

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

_BY_CODE: Mapping[str, type[HandoffError]] = {
    error.code: error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, HandoffError)
    # A defect over there, or a wrong setting, is not one here.
    if error.code not in (errors.Internal.code, errors.Misconfigured.code)
}
"""What another mcp-handoff names its errors in the ticket API's envelope."""

_BY_TYPE: Mapping[str, type[HandoffError]] = {
    "validation_error": errors.ValidationFailed,
    "not_found_error": errors.NotFound,
    "forbidden_error": errors.Forbidden,
    "authentication_error": errors.Unauthenticated,
    "already_exists_error": errors.AlreadyExists,
    "conflict_error": errors.IdempotencyKeyReused,
    "usage_limit_exceeded_error": errors.RateLimited,
    "bad_gateway_error": errors.BackendUnavailable,
    "gateway_timeout_error": errors.OutcomeUnknown,
}
"""What it names them in the builds API's, where nothing but a key is in conflict."""

_RECONNECT = " Linking GitHub again in the API's own settings may help."
_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,60}")
_NAMES = 20
"""How many fields are named at most of those that an API refused."""

_LONGEST = 10**7
"""The most seconds that a `retryAfter` is believed."""


def refusal(response: ApiResponse, *, wrote: bool) -> HandoffError:
    """Return the error that a response with status 400 or above stands for.

    Another mcp-handoff is taken at its word; any other API's words are left out, and only the
    names of the fields that it refused are kept.
    """
    body = response.body or {}
    fields = _fields(body)
    retry_after = response.retry_after
    asked: Any = body.get("retryAfter")
    if type(asked) in (int, float) and 0 <= asked <= _LONGEST:
        retry_after = float(asked)

    kind = _BY_CODE.get(str(body.get("code"))) or _BY_TYPE.get(str(body.get("type")))
    if response.is_ours and kind:
        said = body.get("error") or body.get("detail") or f"The API responded {response.status}."
        state = body.get("state")
        return kind(
            _line(said, 2000),
            fields=fields,
            retry_after=retry_after,
            state=str(state) if state else None,
        )

    if response.status >= 500 and response.status not in _BY_STATUS:
        what = f"responded with status {response.status}"
        return lost(what, wrote=wrote, retry_after=retry_after)

    unknown = (errors.Unsupported, f"refused it with status {response.status}")
    kind, why = _BY_STATUS.get(response.status, unknown)
    if response.status == 409 and "detail" in body:
        kind, why = _EXISTS
    names = [name for name in fields if _NAME.fullmatch(name)][:_NAMES]
    named = f" ({', '.join(names)})" if names else ""
    advice = _RECONNECT if body.get("reconnect") is True else ""
    return kind(
        f"The API {why}{named}.{advice}",
        fields=dict.fromkeys(names, "was refused by the API"),
        retry_after=retry_after,
    )


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that were wrong, each with what was said of it."""
    found: dict[Any, Any] = dict(as_object(body.get("fieldErrors")))
    for issue in objects(body.get("issues")):
        found.setdefault(str(issue.get("path")), issue.get("message"))
    for issue in objects(body.get("errors")):
        parts = as_list(issue.get("loc")) or [issue.get("loc")]
        place = ".".join(str(part) for part in parts if part not in ("body", "query", "path"))
        found.setdefault(place, issue.get("msg"))
    return {_line(name, 80): _line(said, 300) for name, said in found.items()}


def _line(value: object, length: int) -> str:
    return shortened(visible(str(value)), length)
