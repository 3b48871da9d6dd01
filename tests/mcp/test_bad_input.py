"""Bad input: one readable error that names every wrong field, nothing stored, and on it goes."""

from collections.abc import Mapping
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.mcp.agent import Agent
from tests.requests import TICKET

INVALID, MISSING = "VALIDATION_ERROR", "NOT_FOUND"
NOWHERE = "01a20042-1adb-7468-a632-720bcea826fc"


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"a": value}
    return value


WRONG_TICKETS: dict[str, tuple[Mapping[str, Any], Mapping[str, str]]] = {
    "wrong enumeration": (
        {"request_type": "rant", "priority": "urgent"},
        {
            "request_type": "bug, clarification_needed, decision_needed or feature_request",
            "priority": "low, medium or high",
        },
    ),
    "too short": ({"title": "Hm", "description": "short"}, {"title": "5", "description": "10"}),
    "too short once stripped": ({"title": "   Hm   "}, {"title": "at least 5 characters"}),
    "too long": (
        {"title": "t" * 141, "description": "d" * 5001, "implementation_notes": "n" * 5001},
        {"title": "140", "description": "5000", "implementation_notes": "5000"},
    ),
    "unknown role": ({"roles": ["backend", "boss"]}, {"roles.1": "frontend, backend"}),
    "unknown argument": ({"colour": "red"}, {"colour": "is unknown; there are title"}),
    "wrong types": (
        {"title": ["A", "B"], "blocking": "maybe", "roles": {"backend": True}, "evidence": 1},
        {"title": "string", "blocking": "true or", "roles": "array", "evidence": "object"},
    ),
    "a megabyte of evidence": ({"evidence": {"log": "x" * 1_000_000}}, {"evidence": "65536 bytes"}),
    "a hundred levels": ({"evidence": nested(100)}, {"evidence": "deeper than 32"}),
    "NUL": (
        {"title": "Title\x00here", "evidence": {"a\x00": 1}},
        {"title": "NUL", "evidence": "NUL"},
    ),
    "huge integer": ({"evidence": {"n": 10**30}}, {"evidence": "64 bits"}),
    "several at once": (
        {"title": "", "roles": [], "request_type": "rant", "actor_role": "user"},
        {"title": "5", "roles": "at least one of", "request_type": "bug", "actor_role": "can't"},
    ),
}


@pytest.mark.parametrize("case", WRONG_TICKETS)
async def test_a_wrong_ticket_is_refused_by_the_names_of_all_its_wrong_fields(
    desk: Agent, case: str
) -> None:
    changes, expected = WRONG_TICKETS[case]
    error = await desk.refusal("create_ticket", {**TICKET, **changes})
    assert error["code"] == "VALIDATION_ERROR"
    assert set(error["fields"]) == set(expected)
    for name, words in expected.items():
        assert words in error["fields"][name]
        assert name in error["message"]
    assert (await desk.call("find_tickets"))["tickets"] == []


async def test_a_ticket_for_nobody_has_a_code_of_its_own(desk: Agent) -> None:
    missing = {name: value for name, value in TICKET.items() if name != "roles"}
    empty = {**TICKET, "roles": list[str]()}
    for arguments in (missing, empty):
        error = await desk.refusal("create_ticket", arguments)
        assert error["code"] == "ROLES_REQUIRED"
        assert "frontend, backend, design, devops, qa, other" in error["message"]
    assert "projects" not in await desk.call("get_overview")


async def test_everything_required_is_named_at_once(desk: Agent) -> None:
    error = await desk.refusal("create_ticket", {})
    assert set(error["fields"]) == {"title", "description", "request_type", "roles"}
    assert error["fields"]["request_type"].endswith("decision_needed or feature_request")


PR = {"pr": 7}
ELSEWHERE = {"ticket": 1, "build_ref": "88", "provider": "ci", "status": "running"}
WRONG_CALLS: list[tuple[str, dict[str, Any], str, str]] = [
    ("get_ticket", {"ticket": "HO-x"}, INVALID, "ticket"),
    ("get_ticket", {"ticket": 0}, INVALID, "ticket"),
    ("get_ticket", {"ticket": True}, INVALID, "ticket"),
    ("get_ticket", {"ticket": NOWHERE[:-1]}, INVALID, "ticket"),
    ("get_ticket", {"ticket": 2}, MISSING, "ticket"),
    ("get_ticket", {"ticket": NOWHERE}, MISSING, "ticket"),
    ("get_ticket", {"ticket": "HO-1-elsewhere"}, MISSING, "project"),
    ("get_ticket", {"ticket": 1, "project": "elsewhere"}, MISSING, "project"),
    ("take_ticket", {"role": "cook"}, INVALID, "role"),
    ("take_ticket", {"role": "design", "ticket": 1}, MISSING, "role"),
    ("take_ticket", {"role": "design"}, MISSING, "role"),
    ("take_ticket", {"role": "backend", "ticket": 99}, MISSING, "ticket"),
    ("update_ticket", {"ticket": 1, "role": "backend", "role_status": "pending"}, INVALID, "note"),
    ("update_ticket", {"ticket": 1, "close_as": "wont_fix"}, INVALID, "note"),
    ("update_ticket", {"ticket": 1, "role_status": "done"}, INVALID, "role"),
    ("update_ticket", {"ticket": 1, "stage": "live"}, INVALID, "stage"),
    ("update_ticket", {"ticket": 1, "blocked_by": [1]}, INVALID, "blocked_by"),
    ("update_ticket", {"ticket": 99, "priority": "high"}, MISSING, "ticket"),
    ("add_message", {"ticket": 1, "body": " "}, INVALID, "body"),
    ("add_message", {"ticket": 1, "body": "Yes.", "answers": NOWHERE}, MISSING, "answers"),
    ("trigger_bot_build", {"ticket": 1, "repo": "shop"}, INVALID, "repo"),
    ("trigger_bot_build", {"ticket": 99}, MISSING, "ticket"),
    ("suggest_close", {"ticket": 1}, INVALID, "evidence"),
    ("suggest_close", {"ticket": 1, "evidence": {}}, INVALID, "evidence"),
    ("suggest_close", {"ticket": 1, "evidence": PR, "confidence": 2}, INVALID, "confidence"),
    ("suggest_close", {"ticket": 1, "evidence": PR, "merge_sha": "zz"}, INVALID, "merge_sha"),
    ("act_on_suggestion", {"suggestion_id": "1", "action": "execute"}, INVALID, "suggestion_id"),
    ("act_on_suggestion", {"suggestion_id": NOWHERE, "action": "merge"}, INVALID, "action"),
    ("act_on_suggestion", {"suggestion_id": NOWHERE, "action": "decline"}, INVALID, "reason"),
    (
        "act_on_suggestion",
        {"suggestion_id": NOWHERE, "action": "decline", "reason": "  "},
        INVALID,
        "reason",
    ),
    (
        "act_on_suggestion",
        {"suggestion_id": NOWHERE, "action": "execute"},
        MISSING,
        "suggestion_id",
    ),
    ("find_tickets", {"limit": 0}, INVALID, "limit"),
    ("find_tickets", {"limit": "twenty"}, INVALID, "limit"),
    ("find_tickets", {"cursor": "AAAA"}, INVALID, "cursor"),
    ("find_tickets", {"project": "elsewhere"}, MISSING, "project"),
    ("list_suggestions", {"status": "new"}, INVALID, "status"),
    ("find_builds", {"org": "elsewhere"}, MISSING, "org"),
    ("find_builds", {"build_id": NOWHERE}, MISSING, "build_id"),
    ("find_builds", {"build_id": NOWHERE, "status": "ready"}, INVALID, "status"),
    ("find_builds", {"build_id": NOWHERE, "ticket": 1}, INVALID, "ticket"),
    ("report_build", {"build_id": NOWHERE, "status": "running"}, MISSING, "build_id"),
    ("report_build", {**ELSEWHERE, "ticket": 99}, MISSING, "ticket"),
    ("report_build", {**ELSEWHERE, "project": "elsewhere"}, MISSING, "project"),
    ("report_build", {**ELSEWHERE, "build_id": NOWHERE, "ticket": None}, INVALID, "provider"),
    ("report_build", {**ELSEWHERE, "status": "ready"}, INVALID, "status"),
    ("report_build", {**ELSEWHERE, "error_message": "It failed."}, INVALID, "error_message"),
    ("report_build", {**ELSEWHERE, "url": "ci.example/7"}, INVALID, "url"),
    ("update_build", {"build_id": NOWHERE}, MISSING, "build_id"),
    ("update_build", {"build_id": NOWHERE, "status": "ready"}, INVALID, "status"),
    ("update_build", {"build_id": NOWHERE, "display_name": {}}, INVALID, "display_name"),
    ("update_build", {"build_id": NOWHERE, "is_active": "off"}, INVALID, "is_active"),
    ("get_overview", {"role": "cook"}, INVALID, "role"),
    ("get_overview", {"project": "elsewhere"}, MISSING, "project"),
    ("get_overview", {"query": "shop"}, INVALID, "query"),
]


async def test_every_tool_refuses_what_it_does_not_take(desk: Agent) -> None:
    await desk.file_ticket()
    for tool, arguments, code, field in WRONG_CALLS:
        error = await desk.refusal(tool, arguments)
        assert (error["code"], set(error["fields"])) == (code, {field}), (tool, arguments)
    assert [len(row["did"]) for row in (await desk.call("get_ticket", ticket=1))["events"]] == [1]


async def test_what_belongs_to_another_project_is_not_found(desk: Agent) -> None:
    await desk.file_ticket()
    suggestion = await desk.suggest(1)
    ticket = (await desk.whole(1))["ticket"]["id"]
    error = await desk.refusal("get_ticket", {"ticket": ticket, "project": "other"})
    assert error["code"] == "NOT_FOUND"
    arguments = {"suggestion_id": suggestion, "action": "execute", "project": "other"}
    assert (await desk.refusal("act_on_suggestion", arguments))["code"] == "NOT_FOUND"


async def test_a_cursor_that_was_altered_or_borrowed_is_refused(desk: Agent) -> None:
    for number in range(3):
        await desk.file_ticket(title=f"Ticket number {number}")
    cursor = (await desk.call("find_tickets", limit=1))["next_cursor"]
    altered = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for arguments in ({"cursor": altered}, {"cursor": cursor, "status": "any"}, {"cursor": "é"}):
        error = await desk.refusal("find_tickets", arguments)
        assert list(error["fields"]) == ["cursor"]


async def test_an_unknown_tool_is_a_protocol_error_that_lists_the_known_ones(desk: Agent) -> None:
    with pytest.raises(MCPError) as raised:
        await desk.client.session.call_tool("close_ticket", {})
    assert raised.value.error.code == -32602
    assert "create_ticket" in raised.value.error.message
