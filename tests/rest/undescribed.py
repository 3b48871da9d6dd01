"""What OpenAPI has no words for, told to schemathesis; it loads this module by its name."""

import json
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response

OF_THE_PAST = {"IDEMPOTENCY_KEY_REUSED", "TICKET_CLOSED"}
"""Refusals for what happened before, not for what was sent."""

DEEP = ({"cursor"}, {"evidence"}, {"metadata"})
"""Fields whose rules no schema can tell: a cursor is that of a page before, and free JSON has
limits at every depth."""


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - its own annotation has gaps
def filter_failure(context: HookContext, failure: Any, case: Case[Any], response: Response) -> bool:
    """Return whether a finding is one."""
    return not (_is_undescribed(response) or _is_outside(case))


def _is_undescribed(response: Response) -> bool:
    if response.headers.get("content-type") != ["application/json"]:
        return False
    body: dict[str, Any] = json.loads(response.content)
    fields = {*body.get("fieldErrors", ()), *(error["loc"][1] for error in body.get("errors", ()))}
    return body.get("code") in OF_THE_PAST or fields in DEEP


def _is_outside(case: Case[Any]) -> bool:
    """A path with a line break is none of this API's: the router in front of it takes none."""
    return any("%0A" in str(value) for value in (case.path_parameters or {}).values())
