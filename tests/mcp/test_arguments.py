"""What is plainly meant is taken, as if it had been said well; what is not is refused with what
there is. Everything here is what models send."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.mcp.agent import Agent
from tests.requests import TICKET

Calls = Sequence[dict[str, Any]]

PR = {"pr": 7}

MEANT: Mapping[str, Sequence[tuple[dict[str, Any], Calls]]] = {
    "create_ticket": [
        (
            TICKET,
            [
                {"request_type": "Bug"},
                {"request_type": " BUG "},
                {"request_type": ["bug"]},
                {"roles": "backend"},
                {"roles": "Back-end"},
                {"roles": ["Backend"]},
                {"roles": '["backend"]'},
                {"roles": "['backend']"},
                {"priority": None},
                {"priority": ""},
                {"priority": "null"},
                {"priority": "Medium"},
                {"blocking": "false"},
                {"blocking": "No"},
                {"blocking": None},
                {"blocking": ""},
                {"evidence": None},
                {"evidence": ""},
                {"evidence": "null"},
                {"suggested_resolution": None, "implementation_notes": ""},
                {"project": None},
                {"project": " "},
            ],
        ),
        (
            {
                **TICKET,
                "request_type": "feature_request",
                "roles": ["backend", "qa"],
                "priority": "high",
                "blocking": True,
                "evidence": PR,
            },
            [
                {"request_type": "feature request"},
                {"request_type": "Feature-Request"},
                {"request_type": "featureRequest"},
                {"request_type": "FEATURE_REQUEST"},
                {"request_type": "feature"},
                {"roles": "backend, qa"},
                {"roles": "Backend and QA"},
                {"roles": "backend;qa"},
                {"roles": '["backend", "qa"]'},
                {"roles": ["BACKEND ", "Q-A"]},
                {"priority": "High"},
                {"priority": '"high"'},
                {"blocking": "true"},
                {"blocking": "True"},
                {"blocking": "yes"},
                {"evidence": '{"pr": 7}'},
                {"evidence": ' {"pr":\n7} '},
            ],
        ),
        (
            {**TICKET, "blocked_by": ["1"]},
            [
                {"blocked_by": [1]},
                {"blocked_by": 1},
                {"blocked_by": "HO-1"},
                {"blocked_by": ["HO-1"]},
                {"blocked_by": ["#1", "ho_1"]},
                {"blocked_by": "#1, HO-1"},
                {"blocked_by": '["HO-1"]'},
                {"blocked_by": ["handoff://tickets/1"]},
            ],
        ),
        (
            {**TICKET, "blocked_by": ["(ticket)"]},
            [{"blocked_by": "(ticket, upper)"}, {"blocked_by": ["(ticket, undashed)"]}],
        ),
        (
            {**TICKET, "evidence": {"text": "[CI] is red"}},
            [{"evidence": "[CI] is red"}, {"evidence": " [CI] is red\n"}],
        ),
    ],
    "find_tickets": [
        ({}, [{"query": ""}, {"query": None, "stage": None, "role": "", "limit": "null"}]),
        ({"limit": 1}, [{"limit": "1"}, {"limit": "1.0"}, {"limit": 1.0}, {"limit": [1]}]),
        ({"limit": 100}, [{"limit": 500}, {"limit": "1000"}, {"limit": 10**30}]),
        ({"status": "any"}, [{"status": "Any"}, {"status": "all"}, {"status": ["any"]}]),
        ({"status": "closed"}, [{"status": "CLOSED "}]),
        (
            {"stage": "in_progress"},
            [{"stage": "in progress"}, {"stage": "In-Progress"}, {"stage": "inProgress"}],
        ),
        ({"stage": "backlog"}, [{"stage": ["backlog"]}, {"stage": "Backlog"}]),
        ({"role": "backend"}, [{"role": "Backend"}, {"role": "back end"}]),
        ({"request_type": "bug"}, [{"request_type": "BUG"}]),
        ({"request_type": "decision_needed"}, [{"request_type": "Decision"}]),
        (
            {"request_type": "clarification_needed"},
            [{"request_type": "clarification"}, {"request_type": "answer"}],
        ),
        ({"query": "500"}, [{"query": 500}]),
    ],
    "get_ticket": [
        (
            {"ticket": 1},
            [
                {"ticket": "1"},
                {"ticket": "1.0"},
                {"ticket": 1.0},
                {"ticket": "#1"},
                {"ticket": " #1 "},
                {"ticket": "HO-1"},
                {"ticket": "ho1"},
                {"ticket": "HO-1-shop"},
                {"ticket": "ho-1-SHOP"},
                {"ticket": "HO_1_shop"},
                {"ticket": "`HO-1-shop`"},
                {"ticket": "ticket #1"},
                {"wait_s": "0"},
                {"wait_s": None},
                {"ticket": [1]},
                {"ticket": "handoff://tickets/1"},
                {"ticket": "handoff://tickets/HO-1-shop"},
                {"ticket": "https://desk.example/tickets/HO-1-shop"},
                {"ticket": "https://example.com/desk/tickets/ho-1-shop/?view=full#messages"},
                {"ticket": "handoff://tickets/(ticket)"},
                {"ticket": "http://127.0.0.1:8484/api/projects/shop/tickets/1"},
                {"ticket": "https://else.example/api/projects/shop/tickets/HO-1-shop?slim=1#top"},
                {"ticket": "/api/projects/shop/tickets/(ticket)"},
                {"ticket": "(ticket)"},
                {"ticket": "(ticket, upper)"},
                {"ticket": "(ticket, undashed)"},
                {"ticket": "{(ticket)}"},
                {"ticket": "urn:uuid:(ticket)"},
                {"ticket": 1, "project": None},
                {"ticket": "HO-1", "project": "shop"},
            ],
        ),
    ],
    "take_ticket": [
        (
            {"role": "backend", "ticket": 1},
            [
                {"role": "Back-end", "ticket": "#1"},
                {"role": ["backend"], "ticket": "HO-1"},
                {"note": None, "take_over": "false"},
            ],
        ),
    ],
    "update_ticket": [
        (
            {"ticket": 1, "priority": "high", "blocked_by": []},
            [
                {"priority": "High"},
                {"blocked_by": "[]"},
                {"role": None, "role_status": "", "fence": None, "stage": "null"},
            ],
        ),
        (
            {"ticket": 1, "role": "backend", "role_status": "in_progress"},
            [{"role_status": "In progress"}, {"role": "BACKEND", "role_status": "in-progress"}],
        ),
        ({"ticket": 1, "add_roles": ["qa", "design"]}, [{"add_roles": "qa, design"}]),
    ],
    "add_message": [
        (
            {"ticket": 1, "body": "500"},
            [{"ticket": "HO-1", "body": 500}, {"to_role": "", "answers": None}],
        ),
    ],
    "trigger_bot_build": [
        (
            {"ticket": "HO-1-shop", "repo": "acme/shop"},
            [
                {"repo": "https://github.com/acme/shop"},
                {"repo": "https://github.com/acme/shop.git"},
                {"repo": "https://github.com/acme/shop/"},
                {"repo": "https://github.com/acme/shop/tree/main"},
                {"repo": "git@github.com:acme/shop.git"},
                {"repo": "ssh://git@github.com/acme/shop.git"},
                {"repo": "github.com/acme/shop"},
                {"repo": "acme/shop/"},
                {"repo": ["acme/shop"]},
                {"provider": None, "replaces": ""},
                {"replaces": "null"},
            ],
        ),
        ({"ticket": 1}, [{"ticket": "HO-1"}, {"ticket": "#1"}, {"ticket": "1.0", "repo": ""}]),
    ],
    "list_suggestions": [
        ({}, [{"status": "Pending"}, {"status": None}, {"cursor": "", "project": ""}]),
        ({"status": "any"}, [{"status": "ALL"}, {"status": "any "}]),
        ({"limit": 200}, [{"limit": 201}, {"limit": "9999"}]),
    ],
    "suggest_close": [
        (
            {"ticket": 1, "evidence": {"text": "PR #7 is merged"}},
            [{"evidence": "PR #7 is merged"}, {"confidence": None, "merge_sha": "", "repo": None}],
        ),
        (
            {
                "ticket": 1,
                "evidence": PR,
                "confidence": 0.9,
                "merge_sha": "abc1234",
                "pr_number": 7,
                "repo": "acme/shop",
            },
            [
                {"evidence": '{"pr": 7}'},
                {"confidence": "0.9"},
                {"confidence": "90%"},
                {"merge_sha": "ABC1234"},
                {"merge_sha": "commit abc1234"},
                {"merge_sha": "https://github.com/acme/shop/commit/abc1234"},
                {"merge_sha": "https://gitlab.com/acme/shop/-/commit/abc1234?view=inline"},
                {"merge_sha": "acme/shop@abc1234"},
                {"pr_number": "7"},
                {"pr_number": "#7"},
                {"pr_number": "PR #7"},
                {"pr_number": "acme/shop#7"},
                {"pr_number": 7.0},
                {"pr_number": "https://github.com/acme/shop/pull/7"},
                {"pr_number": "https://github.com/acme/shop/pull/7/files"},
                {"pr_number": "https://gitlab.com/acme/shop/-/merge_requests/7"},
                {"repo": "https://github.com/acme/shop/pull/7"},
                {"ticket": "HO-1"},
            ],
        ),
    ],
    "act_on_suggestion": [
        (
            {"suggestion_id": "(suggestion)", "action": "decline", "reason": "Not yet."},
            [
                {"action": "Decline"},
                {"action": " DECLINE"},
                {"action": "reject"},
                {"action": "Reject"},
                {"suggestion_id": "(suggestion, upper)"},
                {"suggestion_id": "(suggestion, undashed)"},
                {"suggestion_id": "suggestion (suggestion)"},
                {"suggestion_id": "/api/projects/shop/ai-suggestions/(suggestion)/action"},
                {"project": ""},
            ],
        ),
        (
            {"suggestion_id": "(other suggestion)", "action": "execute"},
            [{"action": "accept"}, {"action": "Approve"}, {"action": "apply"}],
        ),
    ],
    "find_builds": [
        (
            {"ticket": 1},
            [{"ticket": "HO-1"}, {"ticket": "#1", "status": ""}, {"ticket": 1, "org": None}],
        ),
        ({}, [{"ticket": None}, {"ticket": ""}, {"ticket": "null"}, {"limit": ""}]),
        ({"status": "queued"}, [{"status": "Queued"}, {"status": ["queued"]}]),
        ({"status": "building"}, [{"status": "running"}]),
        ({"status": "ready"}, [{"status": "Succeeded"}]),
        (
            {"build_id": "(build)"},
            [
                {"build_id": "(build, upper)"},
                {"build_id": "handoff://builds/(build)"},
                {"ticket": None, "status": ""},
            ],
        ),
    ],
    "report_build": [
        (
            {"build_id": "(build)", "status": "running"},
            [
                {"build_id": "(build, undashed)"},
                {"build_id": "handoff://builds/(build)"},
                {"status": "Running"},
                {"ticket": None, "provider": "", "build_ref": None},
                {"error_message": None, "url": ""},
            ],
        ),
        (
            {"ticket": 1, "build_ref": "88", "provider": "ci", "status": "failed"},
            [
                {"ticket": "#1", "build_id": None},
                {"build_ref": 88},
                {"status": "FAILED"},
            ],
        ),
    ],
    "update_build": [
        (
            {"build_id": "(build)", "display_name": "Nightly", "is_active": False},
            [
                {"build_id": "(build, upper)"},
                {"build_id": "(build, undashed)"},
                {"build_id": "handoff://builds/(build)"},
                {"is_active": "false"},
                {"description": None, "metadata": None},
                {"description": "", "metadata": ""},
                {"clear": None, "org": None},
            ],
        ),
        (
            {"build_id": "(build)", "clear": ["description", "metadata"]},
            [
                {"clear": "description, metadata"},
                {"clear": ["Metadata", "Description"]},
                {"clear": '["metadata","description"]', "description": None},
            ],
        ),
        (
            {"build_id": "(build)", "metadata": {"commit": "abc1234"}},
            [{"metadata": '{"commit": "abc1234"}'}, {"display_name": "", "is_active": None}],
        ),
    ],
    "get_overview": [
        ({"role": "qa"}, [{"role": "QA"}, {"role": ["qa"], "project": None}]),
        ({}, [{"role": ""}, {"role": "null"}]),
    ],
}
"""By tool: arguments as they should be, and changes of them that mean the same."""

REFUSED: Mapping[str, Sequence[tuple[dict[str, Any], Mapping[str, str]]]] = {
    "create_ticket": [
        ({**TICKET, "priority": "P1"}, {"priority": "low, medium or high"}),
        ({**TICKET, "priority": "urgent"}, {"priority": "low, medium or high"}),
        ({**TICKET, "request_type": "enhancement"}, {"request_type": "feature_request"}),
        ({**TICKET, "roles": "everyone"}, {"roles.0": "frontend, backend"}),
        ({**TICKET, "roles": {"backend": True}}, {"roles": "an array"}),
        ({**TICKET, "blocking": 1}, {"blocking": "true or false"}),
        ({**TICKET, "blocking": "HO-3"}, {"blocking": "true or false"}),
        ({**TICKET, "evidence": "{'pr': 7}"}, {"evidence": "an object"}),
        ({**TICKET, "evidence": [1, 2]}, {"evidence": "an object"}),
        ({**TICKET, "roles": None}, {"roles": "at least one of frontend, backend"}),
        ({**TICKET, "roles": ""}, {"roles": "at least one of frontend, backend"}),
        (
            {"name": "Checkout fails", "body": "It answers 500.", "type": "bug", "role": "qa"},
            {
                "name": "did you mean title?",
                "body": "did you mean description?",
                "type": "did you mean request_type?",
                "role": "did you mean roles?",
                "title": "required",
                "description": "required",
                "request_type": "required",
                "roles": "at least one of",
            },
        ),
        ({**TICKET, "Priority": "high"}, {"Priority": "did you mean priority?"}),
        ({**TICKET, "idempotencyKey": "1"}, {"idempotencyKey": "did you mean idempotency_key?"}),
        ({**TICKET, "severity": "high"}, {"severity": "did you mean priority?"}),
        ({**TICKET, "due_date": "2026-12-01"}, {"due_date": "is unknown; there are title"}),
    ],
    "find_tickets": [
        ({"q": "cart"}, {"q": "did you mean query?"}),
        ({"search": "cart"}, {"search": "did you mean query?"}),
        ({"type": "bug"}, {"type": "did you mean request_type?"}),
        ({"per_page": 5}, {"per_page": "did you mean limit?"}),
        ({"assignee": "qa"}, {"assignee": "did you mean role?"}),
        ({"limit": 0}, {"limit": "at least 1"}),
        ({"limit": "many"}, {"limit": "an integer"}),
        ({"status": "active"}, {"status": "open, closed or any"}),
        ({"stage": ["live", "backlog"]}, {"stage": "backlog, up_next"}),
        ({"due_date": "today"}, {"due_date": "is unknown; there are query"}),
    ],
    "get_ticket": [
        ({"id": 1}, {"id": "did you mean ticket?", "ticket": "required"}),
        ({"ticket_id": 1}, {"ticket_id": "did you mean ticket?", "ticket": "required"}),
        ({"issue": 1}, {"issue": "did you mean ticket?", "ticket": "required"}),
        ({"ticket": "the checkout one"}, {"ticket": "HO-12-shop, or a number"}),
        ({"ticket": "https://desk.example/agent/tickets/1"}, {"ticket": "HO-12-shop"}),
        ({"ticket": "https://desk.example/tickets/HO-0-shop"}, {"ticket": "HO-12-shop"}),
        ({"ticket": None}, {"ticket": "required"}),
        ({}, {"ticket": "required"}),
        ({"ticket": 1, "wait_s": 60}, {"wait_s": "at most 50"}),
        ({"ticket": 1, "wait_s": "long"}, {"wait_s": "an integer"}),
        ({"ticket": 1, "timeout": 30}, {"timeout": "did you mean wait_s?"}),
    ],
    "take_ticket": [
        ({"ticket": 1}, {"role": "required: frontend, backend"}),
        ({"role": "merged"}, {"role": "frontend, backend, design"}),
        ({"role": "backend", "force": True}, {"force": "did you mean take_over?"}),
    ],
    "update_ticket": [
        ({"ticket": 1, "status": "done"}, {"status": "is unknown"}),
        ({"ticket": 1, "role": "qa"}, {"role": "comes with role_status"}),
        (
            {"ticket": 1, "role_status": "pending"},
            {"role": "must say whose", "note": "must say why the role is pending"},
        ),
        (
            {"ticket": 1, "close_as": "done", "stage": "live"},
            {"close_as": "completed, already_done", "stage": "backlog, up_next"},
        ),
        ({"ticket": 1, "title": "Cart fails", "updated_at": "2026"}, {"updated_at": "is unknown"}),
        ({"ticket": 1, "blocked_by": ["the cart one"]}, {"blocked_by.0": "HO-12-shop"}),
    ],
    "add_message": [
        ({"ticket": 1}, {"body": "required"}),
        ({"ticket": 1, "text": "Yes."}, {"text": "did you mean body?", "body": "required"}),
        ({"ticket": 1, "body": "Yes.", "to": "qa"}, {"to": "did you mean to_role?"}),
    ],
    "trigger_bot_build": [
        ({"ticket": 1, "repo": "shop"}, {"repo": "owner/name"}),
        ({"ticket": 1, "repo": "https://gitlab.com/a/b/c"}, {"repo": "owner/name"}),
        ({"ticket": 1, "repository": "a/b"}, {"repository": "did you mean repo?"}),
        ({"ticket_id": 1}, {"ticket_id": "did you mean ticket?", "ticket": "required"}),
    ],
    "list_suggestions": [
        ({"status": "open"}, {"status": "pending, processing"}),
        ({"state": "pending"}, {"state": "did you mean status?"}),
        ({"ticked": 1}, {"ticked": "did you mean ticket?"}),
        ({"colour": "red"}, {"colour": "is unknown; there are ticket, status"}),
    ],
    "suggest_close": [
        ({"ticket": 1}, {"evidence": "required"}),
        ({"ticket": 1, "evidence": ""}, {"evidence": "an object"}),
        ({"ticket": 1, "proof": PR}, {"proof": "did you mean evidence?", "evidence": "required"}),
        ({"ticket": 1, "evidence": PR, "confidence": "high"}, {"confidence": "a number"}),
        ({"ticket": 1, "evidence": PR, "confidence": 90}, {"confidence": "at most 1"}),
        ({"ticket": 1, "evidence": PR, "pr": 7}, {"pr": "did you mean pr_number?"}),
        ({"ticket": 1, "evidence": PR, "commit": "abc1234"}, {"commit": "did you mean merge_sha?"}),
        ({"ticket": 1, "evidence": PR, "merge_sha": "HEAD"}, {"merge_sha": "7 to 64 hexadecimal"}),
        ({"ticket": 1, "evidence": PR, "pr_number": -7}, {"pr_number": "at least 1"}),
        ({"ticket": 1, "evidence": PR, "pr_number": "-7"}, {"pr_number": "an integer"}),
    ],
    "act_on_suggestion": [
        ({"suggestion_id": "(suggestion)", "action": "close"}, {"action": "execute or decline"}),
        ({"suggestion_id": 1, "action": "execute"}, {"suggestion_id": "string"}),
        (
            {"id": "(suggestion)", "decision": "execute"},
            {
                "id": "did you mean suggestion_id?",
                "decision": "did you mean action?",
                "suggestion_id": "required",
                "action": "required",
            },
        ),
    ],
    "find_builds": [
        ({"status": "done"}, {"status": "queued, building, ready or failed"}),
        ({"ticket_id": 1}, {"ticket_id": "did you mean ticket?"}),
        ({"project": "shop"}, {"project": "is unknown; there are org"}),
        ({"build_id": "(build)", "ticket": 1}, {"ticket": "can't be given beside build_id"}),
        ({"wait_s": -1}, {"wait_s": "at least 0"}),
    ],
    "report_build": [
        (
            {"status": "succeeded"},
            {
                "ticket": "is required without build_id",
                "build_ref": "is required without build_id",
                "provider": "is required without build_id",
            },
        ),
        (
            {"id": "(build)", "ticket": 1, "state": "done"},
            {
                "id": "did you mean build_id?",
                "state": "did you mean status?",
                "build_ref": "is required without build_id",
                "provider": "is required without build_id",
                "status": "required: running, succeeded or failed",
            },
        ),
        (
            {"build_id": "(build)", "ticket": 1, "provider": "ci", "status": "done"},
            {
                "ticket": "can't be given beside build_id",
                "provider": "can't be given beside build_id",
                "status": "running, succeeded or failed",
            },
        ),
        (
            {"build_id": "(build)", "status": "succeeded", "error_message": "2 tests failed."},
            {"error_message": "only with status failed"},
        ),
        (
            {"build_id": "(build)", "status": "failed", "reason": "It failed."},
            {"reason": "did you mean error_message?"},
        ),
        (
            {"build_id": "(build)", "status": "running", "url": "ci.example/7"},
            {"url": "http or https address"},
        ),
    ],
    "update_build": [
        ({"id": "(build)"}, {"id": "did you mean build_id?", "build_id": "required"}),
        ({"build_id": "nightly"}, {"build_id": "a uuid"}),
        ({"build_id": "(build)", "status": "ready"}, {"status": "is unknown; there are build_id"}),
        ({"build_id": "(build)", "name": "N"}, {"name": "did you mean display_name?"}),
        ({"build_id": "(build)", "metadata": "nightly"}, {"metadata": "an object"}),
        ({"build_id": "(build)", "clear": "everything"}, {"clear.0": "description or metadata"}),
        (
            {"build_id": "(build)", "clear": ["description"], "description": "A word."},
            {"clear": "can't name description"},
        ),
    ],
    "get_overview": [
        ({"role": "cook"}, {"role": "frontend, backend"}),
        ({"query": "shop"}, {"query": "is unknown; there are role, project"}),
    ],
}
"""By tool: arguments, and by wrong field words that say how it is mended."""

READS = ("find_tickets", "get_ticket", "list_suggestions", "find_builds", "get_overview")

Names = Mapping[str, str]


@pytest.fixture
async def names(desk: Agent) -> Names:
    """What ticket 1, its build and a suggestion to close it are called, and a suggestion to close
    ticket 2; all is in project shop."""
    await desk.file_ticket(title="Cart fails at 500 items")
    build, suggestion = await desk.trigger(1), await desk.suggest(1)
    ticket = (await desk.whole(1))["ticket"]["id"]
    await desk.file_ticket(title="Receipts lack the tax")
    other = await desk.suggest(2)
    return {"ticket": ticket, "build": build, "suggestion": suggestion, "other suggestion": other}


def filled(arguments: dict[str, Any], names: Names) -> dict[str, Any]:
    """Return arguments with what is really there for the names in round brackets."""
    text = json.dumps(arguments)
    for name, value in names.items():
        text = text.replace(f"({name})", value).replace(f"({name}, upper)", value.upper())
        text = text.replace(f"({name}, undashed)", value.replace("-", ""))
    return json.loads(text)


@pytest.mark.parametrize("tool", MEANT)
async def test_what_means_the_same_is_the_same_call(desk: Agent, names: Names, tool: str) -> None:
    """A write's key tells: with other arguments than the first time it would be refused."""
    for number, (base, changes) in enumerate(MEANT[tool]):
        key = {} if tool in READS else {"idempotency_key": f"{tool}-{number}"}
        first = await desk.call(tool, **filled({**base, **key}, names))
        for change in changes:
            again = await desk.client.call_tool(tool, filled({**base, **key, **change}, names))
            assert not again.is_error, (change, again.content)
            if tool in READS:
                assert again.structured_content == first, change


@pytest.mark.parametrize("tool", REFUSED)
async def test_what_is_not_plain_is_refused_with_what_mends_it(
    desk: Agent, names: Names, tool: str
) -> None:
    before = await desk.call("find_tickets", status="any")
    for arguments, expected in REFUSED[tool]:
        error = await desk.refusal(tool, filled(arguments, names))
        assert set(error["fields"]) == set(expected), arguments
        for name, words in expected.items():
            assert words in error["fields"][name], arguments
            assert words in error["message"], arguments
    assert await desk.call("find_tickets", status="any") == before


@pytest.mark.parametrize("name", ["arguments", "input", "params"])
async def test_all_arguments_may_come_as_one(desk: Agent, name: str) -> None:
    for wrapped in (TICKET, json.dumps(TICKET)):
        await desk.call("create_ticket", **{name: wrapped})
    [filed] = (await desk.call("find_tickets", **{name: {"query": TICKET["title"]}}))["tickets"]
    assert filed["title"] == TICKET["title"]


async def test_nulls_for_all_that_was_not_given_leave_a_build_as_it_is(
    desk: Agent, names: Names
) -> None:
    build = {"build_id": names["build"]}
    told = {"description": "Builds the cart.", "metadata": {"cart": 1}}
    await desk.call("update_build", **build, **told)
    nulls = dict.fromkeys(("org", "description", "is_active", "metadata", "clear"))
    await desk.call("update_build", **build, **nulls, display_name="Nightly")
    [kept] = (await desk.whole(1))["builds"]
    assert kept["display_name"] == "Nightly"
    assert {name: kept[name] for name in told} == told
    await desk.call("update_build", **build, clear=["metadata"])
    [cleared] = (await desk.whole(1))["builds"]
    assert cleared["description"] == told["description"]
    assert "metadata" not in cleared


NEAR_TOOLS = {
    "create_issue": "create_ticket",
    "create_task": "create_ticket",
    "createTicket": "create_ticket",
    "mcp__handoff__create_ticket": "create_ticket",
    "creat_tickets": "create_ticket",
    "search_tickets": "find_tickets",
    "list_tickets": "find_tickets",
    "get_tickets": "find_tickets",
    "show_issue": "get_ticket",
    "close_ticket": "suggest_close",
    "resolve_issue": "suggest_close",
    "claim_ticket": "take_ticket",
    "pick_up_ticket": "take_ticket",
    "edit_ticket": "update_ticket",
    "add_comment": "add_message",
    "post_comment": "add_message",
    "start_build": "trigger_bot_build",
    "get_build": "find_builds",
    "edit_build": "update_build",
    "register_build": "report_build",
    "approve_suggestion": "act_on_suggestion",
    "search_suggestions": "list_suggestions",
    "get_projects": "get_overview",
    "list_projects": "get_overview",
}


async def test_a_tool_that_there_is_not_is_told_the_nearest(desk: Agent) -> None:
    for name, near in NEAR_TOOLS.items():
        with pytest.raises(MCPError) as raised:
            await desk.client.session.call_tool(name, {})
        assert raised.value.error.code == -32602
        assert f"did you mean {near}?" in raised.value.error.message
    for name in ("delete_ticket", "assign_user", "x" * 10_000, ""):
        with pytest.raises(MCPError) as raised:
            await desk.client.session.call_tool(name, {})
        assert "did you mean" not in raised.value.error.message
        assert "create_ticket" in raised.value.error.message
