"""A ticket's story, as agents of both eras live it."""

from tests.mcp.agent import Agent
from tests.requests import TICKET


async def test_a_ticket_goes_from_filed_to_closed(desk: Agent) -> None:
    ticket = await desk.file_ticket(roles=["backend", "frontend"])
    triggered = await desk.call("trigger_bot_build", ticket=ticket["reference"], repo="acme/shop")
    run = triggered["ticket"]["ai_output"]["build_run"]
    await desk.call("update_build", build_id=run["build_id"], description="Lifts the limit")
    suggestion = await desk.suggest(1, merge_sha="9f2c1e7ab4d0")
    acted = await desk.call("act_on_suggestion", suggestion_id=suggestion, action="execute")
    assert acted["apply_result"] == {
        "merged": True,
        "new_stage": "live",
        "roles_marked_done": ["backend", "frontend", "merged"],
    }
    closed = await desk.call("get_ticket", ticket=ticket["id"])
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
    ticket = await desk.file_ticket(roles=["qa"])
    assert (ticket["actor_role"], ticket["source"], ticket["actor_id"]) == ("bot", "bot", "mcp")
    assert [role["role"] for role in ticket["roles"]] == ["qa", "merged"]


async def test_a_call_that_says_who_acts_is_refused(desk: Agent) -> None:
    for name in ("actor_role", "actor_id", "source"):
        error = await desk.refusal("create_ticket", {**TICKET, name: "user"})
        assert "can't be set" in error["fields"][name]
    assert (await desk.call("find_tickets"))["tickets"] == []


async def test_a_ticket_that_waits_for_its_testers_stays_open(desk: Agent) -> None:
    await desk.file_ticket(roles=["backend", "qa"])
    suggestion = await desk.suggest(1)
    acted = await desk.call("act_on_suggestion", suggestion_id=suggestion, action="execute")
    assert acted["apply_result"]["new_stage"] == "validation"
    open_tickets = (await desk.call("find_tickets", stage="validation"))["tickets"]
    assert [role["status"] for role in open_tickets[0]["roles"]] == ["done", "pending", "done"]


async def test_the_second_to_act_is_told_what_the_first_did(desk: Agent) -> None:
    await desk.file_ticket()
    suggestion = await desk.suggest(1)
    arguments = {"suggestion_id": suggestion, "action": "decline", "reason": "not merged"}
    declined = await desk.call("act_on_suggestion", **arguments)
    assert (declined["suggestion"]["status"], declined["suggestion"]["reason"]) == (
        "declined",
        "not merged",
    )
    error = await desk.refusal("act_on_suggestion", arguments)
    assert (error["code"], error["state"]) == ("SUGGESTION_NOT_PENDING", "declined")


async def test_a_suggestion_overtaken_by_another_is_skipped_with_the_reason(desk: Agent) -> None:
    await desk.file_ticket()
    first, second = await desk.suggest(1), await desk.suggest(1)
    await desk.call("act_on_suggestion", suggestion_id=first, action="execute")
    skipped = await desk.call("act_on_suggestion", suggestion_id=second, action="execute")
    assert skipped["suggestion"]["status"] == "skipped"
    assert "closed or reopened" in skipped["suggestion"]["reason"]
    assert "apply_result" not in skipped


async def test_null_clears_a_builds_description_and_absence_keeps_it(desk: Agent) -> None:
    await desk.file_ticket()
    triggered = await desk.call("trigger_bot_build", ticket=1)
    build = triggered["ticket"]["ai_output"]["build_run"]["build_id"]
    await desk.call("update_build", build_id=build, description="d", metadata={"a": 1, "b": 2})
    kept = await desk.call("update_build", build_id=build, metadata={"c": 3}, is_active=False)
    assert (kept["description"], kept["metadata"], kept["is_active"]) == ("d", {"c": 3}, False)
    cleared = await desk.call("update_build", build_id=build, description=None, metadata=None)
    assert "description" not in cleared
    assert "metadata" not in cleared


async def test_an_update_of_nothing_leaves_even_the_time_alone(desk: Agent) -> None:
    await desk.file_ticket()
    await desk.call("trigger_bot_build", ticket=1)
    before = (await desk.call("find_builds"))["items"][0]
    after = await desk.call("update_build", build_id=before["id"])
    assert {name: value for name, value in after.items() if name != "notice"} == before


async def test_triggering_twice_starts_one_build(desk: Agent) -> None:
    await desk.file_ticket()
    first = await desk.call("trigger_bot_build", ticket=1, repo="acme/shop")
    again = await desk.call("trigger_bot_build", ticket="HO-1-shop", repo="acme/other")
    assert again == first
    assert len((await desk.call("find_builds", ticket=1))["items"]) == 1


async def test_a_closed_ticket_takes_no_build(desk: Agent) -> None:
    await desk.file_ticket()
    suggestion = await desk.suggest(1)
    await desk.call("act_on_suggestion", suggestion_id=suggestion, action="execute")
    error = await desk.refusal("trigger_bot_build", {"ticket": 1})
    assert error["code"] == "TICKET_CLOSED"


async def test_a_retry_with_its_key_gets_the_first_answer(desk: Agent) -> None:
    keyed = {**TICKET, "idempotency_key": "build-77"}
    first = await desk.call("create_ticket", **keyed)
    assert await desk.call("create_ticket", **keyed) == first
    error = await desk.refusal("create_ticket", {**keyed, "priority": "low"})
    assert error["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await desk.file_ticket(idempotency_key="build-78"))["number"] == 2


async def test_pages_continue_where_the_one_before_ended(desk: Agent) -> None:
    for number in range(5):
        await desk.file_ticket(title=f"Ticket number {number}")
    first = await desk.call("find_tickets", limit=2)
    second = await desk.call("find_tickets", limit=2, cursor=first["next_cursor"])
    third = await desk.call("find_tickets", limit=2, cursor=second["next_cursor"])
    pages = [[ticket["number"] for ticket in page["tickets"]] for page in (first, second, third)]
    assert pages == [[5, 4], [3, 2], [1]]
    assert "next_cursor" not in third


async def test_words_numbers_and_beginnings_find_a_ticket(desk: Agent) -> None:
    await desk.file_ticket(title="Login page crashes", description="The café's login crashes.")
    await desk.file_ticket(title="Search is slow", description="It takes 4 seconds to answer.")
    for query in ("login", "CRASHES page", "cafe", "cras*", "1", "HO-1-shop"):
        found = (await desk.call("find_tickets", query=query))["tickets"]
        assert [ticket["number"] for ticket in found] == [1], query
    for query in ("login slow", '"', "cras", "NOT login AND", "3", "*"):
        assert (await desk.call("find_tickets", query=query))["tickets"] == [], query
