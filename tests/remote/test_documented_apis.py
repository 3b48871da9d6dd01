"""All tools over the APIs as they are documented, and no more."""

import json
from typing import Any

import pytest
from mcp import Client

from tests.mcp.agent import Agent, text
from tests.remote.conftest import TOKEN
from tests.remote.stand_in import BUILD, CLOSED, PROJECT, SUGGESTION, TICKET
from tests.remote.stood_in import StandIn, started
from tests.requests import TICKET as FILED

RAW = ("Raw words", "Required or not allowed", "invalid_request", TOKEN)
"""What an API says itself, which no tool passes on."""

TICKETS = f"/projects/{PROJECT}/tickets"
ACTION = f"/projects/{PROJECT}/ai-suggestions/{SUGGESTION}/action"
GITHUB_TOKEN = "ghp_" + "a1B2" * 9


async def test_create_ticket_sends_the_documented_body_and_says_who_acts(
    desk: Agent, stand_in: StandIn
) -> None:
    more = {
        "priority": "high",
        "blocking": True,
        "evidence": {"log": ["line 1"]},
        "suggested_resolution": "Raise the limit.",
        "implementation_notes": "See the cart.",
    }
    await desk.file_ticket(**more)
    acting = {"actor_role": "bot", "actor_id": "mcp", "source": "bot"}
    assert stand_in.last() == ("POST", TICKETS, {**FILED, **more, **acting})
    assert stand_in.requests()[-1]["headers"]["authorization"] == f"Bearer {TOKEN}"


async def test_create_ticket_leaves_out_what_was_not_said(desk: Agent, stand_in: StandIn) -> None:
    await desk.file_ticket()
    _, _, body = stand_in.last()
    said = {"priority": "medium", "blocking": False, "actor_role": "bot", "source": "bot"}
    assert body == {**FILED, **said, "actor_id": "mcp"}


async def test_the_configured_id_is_who_acts(stand_in: StandIn) -> None:
    settings = {"HANDOFF_ACTOR_ID": "ci-bot"}
    async with Client(started(stand_in, TOKEN, **settings)) as client:
        await Agent(client).file_ticket()
    assert stand_in.last()[2]["actor_id"] == "ci-bot"


async def test_a_minimal_response_is_told_with_what_was_filed(desk: Agent) -> None:
    result = await desk.client.call_tool("create_ticket", {**FILED, "roles": ["qa"]})
    assert result.structured_content is not None
    ticket = result.structured_content["ticket"]
    assert result.structured_content["waits_for"] == ["qa"]
    assert text(result).startswith(f"Filed {ticket} in backlog; it waits for qa.")


async def test_roles_that_are_told_by_name_alone_are_those_of_a_new_ticket(
    desk: Agent, stand_in: StandIn
) -> None:
    told = {"id": TICKET, "status": "open", "created_at": "2026-11-02T09:30:00Z"}
    stand_in.respond_next(201, {"ticket": {**told, "stage": "backlog", "roles": ["backend"]}})
    assert (await desk.call("create_ticket", **FILED))["waits_for"] == ["backend"]


async def test_a_secret_is_masked_before_it_is_sent(desk: Agent, stand_in: StandIn) -> None:
    described = f"Sign in with {GITHUB_TOKEN} to see it."
    filed = await desk.call(
        "create_ticket", **{**FILED, "description": described}, evidence={"key": GITHUB_TOKEN}
    )
    acted = await desk.call(
        "act_on_suggestion", suggestion_id=SUGGESTION, action="decline", reason=GITHUB_TOKEN
    )
    updated = await desk.call("update_build", build_id=BUILD, metadata={"key": GITHUB_TOKEN})
    assert filed["masked"] == ["description", "evidence"]
    assert (acted["masked"], updated["masked"]) == (["reason"], ["metadata"])
    assert GITHUB_TOKEN not in json.dumps(stand_in.requests())
    assert "[masked: GitHub token]" in stand_in.requests()[0]["body"]["description"]


async def test_an_api_that_gives_no_build_up_is_not_asked_to(
    desk: Agent, stand_in: StandIn
) -> None:
    error = await desk.refusal("trigger_bot_build", {"ticket": TICKET, "replaces": TICKET})
    assert (error["code"], "gives no build up" in error["message"]) == ("UNSUPPORTED", True)
    assert not [sent for sent in stand_in.requests() if sent["method"] == "POST"]


@pytest.mark.parametrize("given", [{}, {"provider": "docker", "repo": "acme/shop"}])
async def test_trigger_bot_build_sends_the_documented_body(
    desk: Agent, stand_in: StandIn, given: dict[str, Any]
) -> None:
    result = await desk.client.call_tool("trigger_bot_build", {"ticket": TICKET, **given})
    assert stand_in.last() == ("POST", f"{TICKETS}/{TICKET}/trigger-bot-build", given)
    assert len(stand_in.requests()) == 1
    assert f"The bot build of {TICKET} is triggered." in text(result)


@pytest.mark.parametrize("name", [7, "#7", "HO-7-shop"])
async def test_a_ticket_that_is_named_by_number_is_looked_up_for_its_id(
    desk: Agent, stand_in: StandIn, name: str | int
) -> None:
    await desk.call("trigger_bot_build", ticket=name)
    looked, triggered = stand_in.requests()
    assert looked["path"].startswith(f"/api{TICKETS}?q=7")
    assert triggered["path"] == f"/api{TICKETS}/{TICKET.upper()}/trigger-bot-build"
    assert (
        "is not in project" in (await desk.refusal("trigger_bot_build", {"ticket": 99}))["message"]
    )


@pytest.mark.parametrize("ai_output", ["a text", {"build_run": "queued"}, {"build_run": None}])
async def test_an_undocumented_ai_output_does_no_harm(
    desk: Agent, stand_in: StandIn, ai_output: object
) -> None:
    stand_in.respond_next(200, {"ticket": {"id": TICKET, "ai_output": ai_output}})
    await desk.call("trigger_bot_build", ticket=TICKET)


async def test_act_on_suggestion_sends_the_documented_body_once(
    desk: Agent, stand_in: StandIn
) -> None:
    arguments = {"suggestion_id": SUGGESTION, "action": "execute", "reason": "It is merged."}
    result = await desk.client.call_tool("act_on_suggestion", arguments)
    body = {"action": "execute", "reason": "It is merged."}
    assert stand_in.last() == ("POST", ACTION, body)
    assert "The suggestion is executed" in text(result)
    again = await desk.refusal("act_on_suggestion", arguments)
    assert again["code"] == "SUGGESTION_NOT_PENDING"
    assert len(stand_in.requests()) == 2


async def test_what_executing_changed_is_told_where_the_api_tells_all_of_it(
    desk: Agent, stand_in: StandIn
) -> None:
    applied = {"merged": True, "new_stage": "live", "roles_marked_done": ["backend"]}
    executed = {
        "id": SUGGESTION,
        "run_id": BUILD,
        "ticket_id": TICKET,
        "ticket_title": None,
        "ticket_number": None,
        "suggestion_type": "auto_close",
        "confidence": None,
        "evidence": {"pr": 7},
        "suggested_action": None,
        "status": "executed",
    }
    stand_in.respond_next(200, {"suggestion": executed, "apply_result": applied})
    acted = await desk.act(SUGGESTION, "execute")
    assert (acted["stage"], acted["roles_marked_done"]) == ("live", ["backend"])


async def test_list_suggestions_tells_evidence_of_any_shape(desk: Agent, stand_in: StandIn) -> None:
    listed = await desk.call("list_suggestions")
    assert listed["suggestions"][0]["evidence"] == [{"commit": "abc1234"}, "seen in the log"]
    path = f"/projects/{PROJECT}/ai-suggestions?status=pending&limit=20"
    assert stand_in.last() == ("GET", path, None)


async def test_list_suggestions_takes_those_of_a_ticket_out_of_all(
    desk: Agent, stand_in: StandIn
) -> None:
    [one] = (await desk.call("list_suggestions"))["suggestions"]
    assert (await desk.call("list_suggestions", ticket=one["ticket"]))["suggestions"] == [one]
    assert (await desk.call("list_suggestions", ticket=999))["suggestions"] == []


async def test_update_build_sends_what_was_given_and_null_for_what_is_cleared(
    desk: Agent, stand_in: StandIn
) -> None:
    changes = {"is_active": False, "metadata": {"size": 3}}
    updated = await desk.call(
        "update_build", build_id=BUILD, org="acme", clear=["description"], **changes
    )
    sent = {"description": None, **changes}
    assert stand_in.last() == ("PATCH", f"/v1/org/acme/builds/{BUILD}", sent)
    assert (updated["status"], updated["active"]) == ("ready", False)
    assert "retention" not in updated


async def test_find_tickets_reads_the_documented_rows(desk: Agent, stand_in: StandIn) -> None:
    found = (await desk.call("find_tickets", query="number", limit=5))["tickets"]
    assert stand_in.last()[1] == f"{TICKETS}?q=number&status=open&limit=5&slim=1"
    (row,) = found
    assert (row["ticket"], row["type"], row["priority"]) == (TICKET.upper(), "bug", "high")
    assert row["waits_for"] == ["test"]
    assert "board_column" not in row


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("priority", "high"),
        ("blocking", True),
        ("author", "agent-1"),
        ("updated_since", "2026-11-01"),
    ],
)
async def test_a_filter_that_the_api_does_not_document_is_refused_by_name(
    desk: Agent, name: str, value: str | bool
) -> None:
    error = await desk.refusal("find_tickets", {name: value})
    assert error["code"] == "UNSUPPORTED"
    assert f"does not choose tickets by {name};" in error["message"]


async def test_find_tickets_goes_on_where_the_page_before_ended(desk: Agent) -> None:
    first = await desk.call("find_tickets", status="any", limit=1)
    second = await desk.call("find_tickets", status="any", cursor=first["next_cursor"])
    names = [page["tickets"][0]["ticket"] for page in (first, second)]
    assert names == [TICKET.upper(), CLOSED.upper()]


@pytest.mark.parametrize("name", [TICKET, 7, "HO-7-shop"])
async def test_get_ticket_falls_back_to_the_list(desk: Agent, name: str | int) -> None:
    ticket = await desk.call("get_ticket", ticket=name)
    assert (ticket["ticket"], ticket["suggested_resolution"]) == (TICKET.upper(), "Change it.")


@pytest.mark.parametrize("name", [BUILD, 99])
async def test_get_ticket_says_when_the_list_has_none(desk: Agent, name: str | int) -> None:
    assert (await desk.refusal("get_ticket", {"ticket": name}))["code"] == "NOT_FOUND"


async def test_a_finished_role_is_told_in_the_documented_body(
    desk: Agent, stand_in: StandIn
) -> None:
    done = {"role": "test", "role_status": "done", "note": "It holds."}
    told = await desk.call("update_ticket", ticket=7, **done)
    change = {"role": "test", "status": "done", "work_started_note": "It holds."}
    assert stand_in.last() == ("PATCH", f"{TICKETS}/{TICKET.upper()}", {"role_status": change})
    assert told["roles"] == {"test": "done", "merged": "in_progress"}


async def test_a_ticket_is_closed_as_its_page_has_it(desk: Agent, stand_in: StandIn) -> None:
    closing = {"close_as": "wont_fix", "note": "Too rare."}
    refused = await desk.refusal("update_ticket", {"ticket": TICKET, **closing})
    body = {"status": "closed", "resolution_type": "wont_fix", "resolution_note": "Too rare."}
    assert stand_in.last() == ("PATCH", f"{TICKETS}/{TICKET}", body)
    assert refused["code"] == "VALIDATION_ERROR"
    assert not [raw for raw in RAW if raw in json.dumps(refused)]
    told = await desk.call("update_ticket", ticket=TICKET, priority="low", title="Another title")
    assert stand_in.last()[2] == {"priority": "low", "title": "Another title"}
    assert told["ticket"]


@pytest.mark.parametrize(
    ("tool", "arguments", "word"),
    [
        ("update_ticket", {"ticket": 7, "blocked_by": [8]}, "blocked_by"),
        ("update_ticket", {"ticket": 7, "park": "Until Monday"}, "park"),
        ("update_ticket", {"ticket": 7, "add_roles": ["qa"]}, "add_roles"),
        ("update_ticket", {"ticket": 7, "blocking": True}, "blocking"),
        (
            "update_ticket",
            {"ticket": 7, "role": "test", "role_status": "done", "fence": 1},
            "fence",
        ),
        ("take_ticket", {"role": "backend"}, "takes"),
        ("add_message", {"ticket": 7, "body": "Why?", "to_role": "design"}, "to_role"),
        ("find_tickets", {"ready": True}, "ready"),
        ("find_tickets", {"taken_by": "me"}, "taken_by"),
        ("create_ticket", {**FILED, "blocked_by": [7]}, "blocked_by"),
    ],
)
async def test_what_the_api_has_no_field_for_is_unsupported_by_name_and_never_half_done(
    desk: Agent, stand_in: StandIn, tool: str, arguments: dict[str, Any], word: str
) -> None:
    refused = await desk.refusal(tool, arguments)
    assert refused["code"] == "UNSUPPORTED"
    assert word in refused["message"]
    assert {request["method"] for request in stand_in.requests()} <= {"GET"}


async def test_a_message_is_posted_with_the_documented_body(desk: Agent, stand_in: StandIn) -> None:
    told = await desk.call("add_message", ticket=7, body="Half of it is done.")
    path = f"{TICKETS}/{TICKET.upper()}/messages"
    assert stand_in.last() == ("POST", path, {"body": "Half of it is done."})
    assert told["message_id"]


async def test_an_overview_names_the_projects_of_the_callers_tickets(desk: Agent) -> None:
    told = await desk.call("get_overview")
    assert told["projects"] == [{"project": PROJECT}]
    assert "no more than which projects there are" in told["message"]


@pytest.mark.parametrize(
    ("tool", "arguments", "lacking"),
    [
        ("suggest_close", {"ticket": TICKET, "evidence": {"pr": 7}}, "POST …/ai-suggestions"),
        ("find_builds", {}, "GET …/builds"),
        ("get_ticket", {"ticket": TICKET, "wait_s": 50}, "wait_s"),
        ("find_builds", {"wait_s": 50}, "wait_s"),
        ("find_builds", {"build_id": BUILD, "wait_s": 50}, "wait_s"),
        (
            "report_build",
            {"build_id": BUILD, "status": "running"},
            "POST …/builds/{build_id}/report",
        ),
        (
            "report_build",
            {"ticket": TICKET, "build_ref": "88", "provider": "ci", "status": "running"},
            "by ticket, build_ref and provider",
        ),
    ],
)
async def test_what_the_apis_lack_is_named(
    desk: Agent, stand_in: StandIn, tool: str, arguments: dict[str, Any], lacking: str
) -> None:
    error = await desk.refusal(tool, arguments)
    assert error["code"] == "UNSUPPORTED"
    assert lacking in error["message"]
    assert stand_in.url in error["message"]


async def test_a_name_that_leads_out_of_its_path_is_refused(desk: Agent, stand_in: StandIn) -> None:
    for tool, arguments in (("find_tickets", {"project": ".."}), ("find_builds", {"org": ".."})):
        assert (await desk.refusal(tool, arguments))["code"] == "NOT_FOUND"
    assert stand_in.requests() == []


TICKET_ERROR = {
    "error": "Raw words",
    "code": "invalid_request",
    "fieldErrors": {"title": "Required or not allowed", "Raw words of a path": "no"},
    "issues": [{"path": "evidence.log", "message": "Required or not allowed"}],
}
BUILD_ERROR = {
    "code": 422,
    "detail": "Raw words",
    "errors": [{"loc": ["body", "metadata", 0], "msg": "Raw words", "type": "missing"}],
    "type": "validation_error",
}
REFUSALS = [
    (400, "VALIDATION_ERROR"),
    (401, "UNAUTHENTICATED"),
    (402, "UNSUPPORTED"),
    (403, "FORBIDDEN"),
    (404, "NOT_FOUND"),
    (422, "VALIDATION_ERROR"),
    (426, "UNSUPPORTED"),
    (500, "OUTCOME_UNKNOWN"),
]


@pytest.mark.parametrize(("status", "code"), [*REFUSALS, (409, "SUGGESTION_NOT_PENDING")])
async def test_the_ticket_apis_refusals_are_told_in_our_own_words(
    desk: Agent, stand_in: StandIn, status: int, code: str
) -> None:
    stand_in.respond_next(status, TICKET_ERROR)
    arguments = {"suggestion_id": SUGGESTION, "action": "execute"}
    error = await desk.refusal("act_on_suggestion", arguments)
    assert error["code"] == code
    assert not any(raw in json.dumps(error) for raw in RAW)
    if status < 500:
        assert list(error["fields"]) == ["title", "evidence.log"]
    assert len(stand_in.requests()) == 1


@pytest.mark.parametrize(("status", "code"), [*REFUSALS, (409, "ALREADY_EXISTS")])
async def test_the_builds_apis_refusals_are_told_in_our_own_words(
    desk: Agent, stand_in: StandIn, status: int, code: str
) -> None:
    stand_in.respond_next(status, BUILD_ERROR)
    error = await desk.refusal("update_build", {"build_id": BUILD, "is_active": True})
    assert error["code"] == code
    assert not any(raw in json.dumps(error) for raw in RAW)
    if status < 500:
        assert list(error["fields"]) == ["metadata.0"]
    assert len(stand_in.requests()) == 1


async def test_reconnect_becomes_advice_to_link_github_again(
    desk: Agent, stand_in: StandIn
) -> None:
    stand_in.respond_next(401, {"error": "Raw words", "reconnect": True})
    error = await desk.refusal("trigger_bot_build", {"ticket": CLOSED})
    assert "Linking GitHub again" in error["message"]
    stand_in.respond_next(401, {"error": "Raw words"})
    error = await desk.refusal("trigger_bot_build", {"ticket": CLOSED})
    assert "GitHub" not in error["message"]
