"""Every code at every edge."""

import json

import pytest

from mcp_handoff import errors
from mcp_handoff.cli.running import complain
from mcp_handoff.errors import HandoffError, RateLimited
from mcp_handoff.mcp.protocol_errors import protocol_error
from mcp_handoff.mcp.results import tool_error
from mcp_handoff.rest.envelopes import error_response

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
    result = tool_error(error)
    assert result.is_error
    assert result.structured == {
        "error": {
            "code": kind.code,
            "message": "What to do.",
            "fields": {"title": "is short"},
            "retry_after": 2.5,
            "state": "executed",
        }
    }
    whole = "What to do. title is short. It is executed. Retry after 2 s."
    assert result.text == f"{kind.code}: {whole}"


def test_what_an_errors_message_says_is_not_said_twice() -> None:
    error = RateLimited(
        "title is short; it is executed; go on in 3 s.",
        fields={"title": "is short"},
        retry_after=2.7,
        state="executed",
    )
    assert tool_error(error).text == f"RATE_LIMITED: {error.message}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_is_a_protocol_error_of_the_right_party(kind: type[HandoffError]) -> None:
    ours = kind.code in ("INTERNAL", "BACKEND_UNAVAILABLE", "OUTCOME_UNKNOWN")
    assert protocol_error(kind("Oh.")).error.code == (-32603 if ours else -32602)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/api/projects", "/api/v1/org/default/builds"])
def test_rest_answers_every_code_in_the_envelope_of_its_api(
    kind: type[HandoffError], path: str
) -> None:
    response = error_response(
        kind("What to do.", fields={"title": "is short"}, retry_after=2.5), path
    )
    body = json.loads(bytes(response.body))
    assert response.status_code in (400, 401, 403, 404, 405, 409, 422, 429, 500, 502, 504)
    assert response.headers["Retry-After"] == "2"
    if path == "/api/projects":
        assert (body["error"], body["code"]) == ("What to do.", kind.code)
        assert body["issues"] == [{"path": "title", "message": "is short"}]
        assert body["retryAfter"] == 2.5
    else:
        assert (body["detail"], body["code"]) == ("What to do.", response.status_code)
        assert body["errors"][0]["loc"] == ["body", "title"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_ends_the_program_with_one_or_two(kind: type[HandoffError]) -> None:
    wrong_use = kind.code in ("CONFIGURATION", "VALIDATION_ERROR", "ROLES_REQUIRED", "MALFORMED")
    assert complain(kind("Oh.")) == (2 if wrong_use else 1)
