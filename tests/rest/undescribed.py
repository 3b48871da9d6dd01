"""What OpenAPI has no words for, told to schemathesis; it loads this module by its name."""

import json
from collections.abc import MutableMapping
from typing import Any, cast
from uuid import uuid4

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import (
    EnsureResourceAvailability,
    RejectedPositiveData,
)

KEY = "Idempotency-Key"

DEEP = ({"cursor"}, {"evidence"}, {"metadata"}, {"query"}, {"arguments"})
"""Fields whose rules no schema can tell: a cursor is that of a page before, free JSON has limits at
every depth, a query has so many words, and some fields go together with others alone."""

WORK = ({"blocked_by"}, {"fence"}, {"park"}, {"note"}, {"role"}, {"close_as"})
"""Fields that are wrong for what the ticket is, for who holds it, or for what comes with them."""


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - its own annotation has gaps
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Send no valid key twice, for what came under it before is no part of a description; and have
    no call wait that may."""
    query = cast(MutableMapping[str, Any], case.query)  # pyright: ignore[reportUnknownMemberType] - the same
    if str(query.get("wait_s", "")).isdecimal() and int(query["wait_s"]) <= 50:
        query["wait_s"] = 0
    headers = cast(MutableMapping[str, str], case.headers)  # pyright: ignore[reportUnknownMemberType] - the same
    if headers.get(KEY, "").strip() and len(headers[KEY]) <= 255:
        headers[KEY] = str(uuid4())


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - its own annotation has gaps
def filter_failure(
    context: HookContext, failure: Failure, case: Case[Any], response: Response
) -> bool:
    """Return whether a finding is one."""
    if isinstance(failure, RejectedPositiveData):
        return not _is_undescribed(response)
    if isinstance(failure, AcceptedNegativeData):
        return not _is_padded(case.body)
    if isinstance(failure, EnsureResourceAvailability):
        return not _is_of_another_ticket(case, response)
    return True


def _is_undescribed(response: Response) -> bool:
    body: dict[str, Any] = json.loads(response.content)
    by_state = ("TICKET_CLOSED", "ROLES_INCOMPLETE")
    return body.get("code") in by_state or _fields(body) in (*DEEP, *WORK)


def _is_padded(body: object) -> bool:
    """White space around a text is taken off before the text is measured."""
    texts = cast(dict[str, object], body).values() if isinstance(body, dict) else ()
    return any(isinstance(text, str) and text != text.strip() for text in texts)


def _is_of_another_ticket(case: Case[Any], response: Response) -> bool:
    """What was created is there, and a ticket that the body or the query names is made up."""
    return "{ticketId}" not in case.path and _fields(json.loads(response.content)) == {"ticket"}


def _fields(error: dict[str, Any]) -> set[str]:
    """Return the fields that an error of either envelope names."""
    return {*error.get("fieldErrors", ()), *(found["loc"][1] for found in error.get("errors", ()))}
