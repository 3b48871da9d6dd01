"""A ticket's story, as agents of both eras live it."""

from tests.mcp.agent import Agent
from tests.requests import TICKET


async def test_a_ticket_goes_from_filed_to_closed(desk: Agent) -> None:
    ticket = await desk.file_ticket(roles=["backend", "frontend"])
    build = await desk.trigger(ticket, repo="acme/shop")
    await desk.call("update_build", build_id=build, description="Lifts the limit")
    acted = await desk.act(await desk.suggest(1, merge_sha="9f2c1e7ab4d0"), "execute")
    assert (acted["status"], acted["stage"]) == ("executed", "live")
    assert acted["roles_marked_done"] == ["backend", "frontend", "merged"]
    closed = await desk.whole(ticket)
    assert closed["ticket"]["status"] == "closed"
    assert closed["ticket"]["resolution_type"] == "completed"
    assert closed["ticket"]["merge_sha"] == "9f2c1e7ab4d0"
    assert closed["builds"][0]["description"] == "Lifts the limit"
    assert [event["kind"] for event in closed["events"]] == [
        "suggestion.executed",
        "suggestion.created",
        "build.updated",
        "build.triggered",
        "ticket.created",
    ]


async def test_what_comes_in_is_stamped_bot_with_the_clients_name(desk: Agent) -> None:
    ticket = (await desk.whole(await desk.file_ticket(roles=["qa"])))["ticket"]
    assert (ticket["actor_role"], ticket["source"], ticket["actor_id"]) == ("bot", "bot", "mcp")
    assert [role["role"] for role in ticket["roles"]] == ["qa", "merged"]


async def test_a_call_that_says_who_acts_is_refused(desk: Agent) -> None:
    for name in ("actor_role", "actor_id", "source"):
        error = await desk.refusal("create_ticket", {**TICKET, name: "user"})
        assert "can't be set" in error["fields"][name]
    assert await desk.find() == []


async def test_a_ticket_that_waits_for_its_testers_stays_open(desk: Agent) -> None:
    ticket = await desk.file_ticket(roles=["backend", "qa"])
    acted = await desk.act(await desk.suggest(1), "execute")
    assert acted["stage"] == "validation"
    assert await desk.find(stage="validation") == [ticket]
    roles = (await desk.whole(ticket))["ticket"]["roles"]
    assert [role["status"] for role in roles] == ["done", "pending", "done"]


async def test_the_second_to_act_is_told_what_the_first_did(desk: Agent) -> None:
    await desk.file_ticket()
    suggestion = await desk.suggest(1)
    declined = await desk.act(suggestion, "decline", reason="not merged")
    assert (declined["status"], declined["reason"]) == ("declined", "not merged")
    again = {"suggestion_id": suggestion, "action": "decline", "reason": "not merged"}
    error = await desk.refusal("act_on_suggestion", again)
    assert (error["code"], error["state"]) == ("SUGGESTION_NOT_PENDING", "declined")


async def test_a_suggestion_overtaken_by_another_is_skipped_with_the_reason(desk: Agent) -> None:
    await desk.file_ticket()
    first, second = await desk.suggest(1), await desk.suggest(1)
    await desk.act(first, "execute")
    skipped = (await desk.whole(1))["suggestions"][0]
    assert (skipped["id"], skipped["settled_by"].startswith("mcp (bot)")) == (second, True)
    assert first in skipped["reason"]
    late = {"suggestion_id": second, "action": "execute"}
    error = await desk.refusal("act_on_suggestion", late)
    assert (error["code"], error["state"]) == ("SUGGESTION_NOT_PENDING", "skipped")
    assert skipped["reason"] in error["message"]


async def test_clear_empties_a_builds_description_and_absence_keeps_it(desk: Agent) -> None:
    await desk.file_ticket()
    build = await desk.trigger(1)
    await desk.call("update_build", build_id=build, description="d", metadata={"a": 1, "b": 2})
    await desk.call("update_build", build_id=build, metadata={"c": 3}, is_active=False)
    [kept] = (await desk.whole(1))["builds"]
    assert (kept["description"], kept["metadata"], kept["is_active"]) == ("d", {"c": 3}, False)
    await desk.call("update_build", build_id=build, clear=["description", "metadata"])
    [cleared] = (await desk.whole(1))["builds"]
    assert "description" not in cleared
    assert "metadata" not in cleared


async def test_an_update_of_nothing_leaves_even_the_time_alone(desk: Agent) -> None:
    await desk.file_ticket()
    build = await desk.trigger(1)
    before = await desk.whole(1)
    await desk.call("update_build", build_id=build)
    assert await desk.whole(1) == before


async def test_a_report_takes_the_build_and_its_ticket_further_and_what_is_late_changes_nothing(
    desk: Agent,
) -> None:
    await desk.file_ticket()
    build = await desk.trigger(1)
    url = "https://ci.example/7"
    await desk.call("report_build", build_id=build, status="running", url=url)
    why = {"error_message": "2 tests failed."}
    await desk.call("report_build", build_id=build, status="failed", **why)
    before = await desk.whole(1)
    assert before["ticket"]["ai_output"]["build_run"]["status"] == "failed"
    [failed] = before["builds"]
    assert (failed["status"], failed["url"]) == ("failed", url)
    assert failed["error_message"] == why["error_message"]
    await desk.call("report_build", build_id=build, status="succeeded")
    assert await desk.whole(1) == before


async def test_triggering_twice_starts_one_build(desk: Agent) -> None:
    await desk.file_ticket()
    build = await desk.trigger(1, repo="acme/shop")
    assert await desk.trigger("HO-1-shop", repo="acme/other") == build
    assert await desk.builds(ticket="HO-1-shop") == [build]


async def test_a_closed_ticket_takes_no_build(desk: Agent) -> None:
    await desk.file_ticket()
    await desk.act(await desk.suggest(1), "execute")
    error = await desk.refusal("trigger_bot_build", {"ticket": 1})
    assert error["code"] == "TICKET_CLOSED"


async def test_a_retry_with_its_key_files_no_second_ticket(desk: Agent) -> None:
    keyed = {**TICKET, "idempotency_key": "build-77"}
    assert [await desk.file_ticket(**keyed) for _ in range(2)] == ["HO-1-shop"] * 2
    error = await desk.refusal("create_ticket", {**keyed, "priority": "low"})
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await desk.file_ticket(idempotency_key="build-78") == "HO-2-shop"


async def test_pages_continue_where_the_one_before_ended(desk: Agent) -> None:
    filed = [await desk.file_ticket(title=f"Ticket number {number}") for number in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = await desk.call("find_tickets", limit=2, **cursor)
        found += await desk.find(limit=2, **cursor)
        cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else {}
    assert sorted(found) == filed
    assert cursor == {}


async def test_words_numbers_and_beginnings_find_a_ticket(desk: Agent) -> None:
    await desk.file_ticket(title="Login page crashes", description="The café's login crashes.")
    await desk.file_ticket(title="Search is slow", description="It takes 4 seconds to answer.")
    for query in ("login", "CRASHED page", "cafe", "cras*", "crahs", "1", "HO-1-shop"):
        assert await desk.find(query=query) == ["HO-1-shop"], query
    assert await desk.find(query="slow login page") == ["HO-1-shop", "HO-2-shop"]
    for query in ("kumquat", '"', "cr", "NOT AND", "3", "*"):
        assert await desk.find(query=query) == [], query
