"""Every code at every edge."""

import pytest

from mcp_handoff import errors
from mcp_handoff.cli import exit_status
from mcp_handoff.errors import HandoffError
from mcp_handoff.server.boundary import protocol_error, refused

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, HandoffError) and kind is not HandoffError
]


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS) > 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_tool_answers_every_code_with_one_line_and_its_fields(kind: type[HandoffError]) -> None:
    error = kind("What to do.", fields={"title": "is short"}, retry_after=2.5, state="executed")
    result = refused(error)
    assert result.is_error
    assert result.structured_content == {
        "error": {
            "code": kind.code,
            "message": "What to do.",
            "fields": {"title": "is short"},
            "retry_after": 2.5,
            "state": "executed",
        }
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_is_a_protocol_error_of_the_right_party(kind: type[HandoffError]) -> None:
    ours = kind.code in ("INTERNAL", "BACKEND_UNAVAILABLE", "OUTCOME_UNKNOWN")
    assert protocol_error(kind("Oh.")).error.code == (-32603 if ours else -32602)


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_ends_the_program_with_one_or_two(kind: type[HandoffError]) -> None:
    wrong_use = kind.code in ("CONFIGURATION", "VALIDATION_ERROR", "ROLES_REQUIRED")
    assert exit_status(kind("Oh.")) == (2 if wrong_use else 1)
