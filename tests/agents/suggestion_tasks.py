"""Tasks with proposals to close: their goals in words, how an agent goes about them, and what is
then true."""

import re
from typing import Any

from tests.agents.scripted import ScriptedAgent
from tests.mcp.agent import Agent

VERDICTS = {"approve": "execute", "accept": "execute", "reject": "decline"}


async def tell_of_a_merge(agent: ScriptedAgent, desk: Agent) -> None:
    """Pull request 90 of acme/shop with commit 9f2c1e7 mended the coupons: they can be closed."""
    found = await agent.call("find_tickets", query="coupon")
    [ticket] = [row["ticket"] for row in found.rows("tickets")]
    about = {
        "ticket": ticket,
        "proof": "The checks of the pull request passed.",
        "pr": "https://github.com/acme/shop/pull/90",
        "commit": "https://github.com/acme/shop/commit/9f2c1e7",
        "repository": "https://github.com/acme/shop",
    }
    await agent.get_done("suggest_close", about)
    [made] = (await desk.whole(2))["suggestions"]
    change = (made["merge_sha"], made["pr_number"], made["repo"])
    assert change == ("9f2c1e7", 90, "acme/shop")


async def close_a_ticket(agent: ScriptedAgent, desk: Agent) -> None:
    """Ticket 3 is decided, we keep the short form: close it."""
    knows = {"evidence": {"decision": "The short form is kept."}}
    made = await agent.get_done("close_ticket", {"issue_id": "HO-3"}, knows=knows)
    act = re.search(r"act_on_suggestion with suggestion_id ([0-9a-f-]{36})", made.facts["message"])
    assert act
    settled = {"suggestion_id": act[1], "decision": "approve"}
    await agent.get_done("act_on_suggestion", settled, means=VERDICTS)
    assert (await desk.whole(3))["ticket"]["status"] == "closed"


async def propose_what_is_proposed(agent: ScriptedAgent, desk: Agent) -> None:
    """Pull request 41 of acme/shop is merged: see to it that its ticket, 6, can be closed."""
    about = {"ticket": 6, "evidence": {"pr": 41}, "pr_number": "#41", "repo": "acme/shop"}
    made = await agent.get_done("suggest_close", about)
    assert "already" in made.facts["message"]
    [waiting] = (await desk.whole(6))["suggestions"]
    assert waiting["id"] == made.facts["suggestion_id"]


async def propose_with_something_to_check(agent: ScriptedAgent, desk: Agent) -> None:
    """The address form is decided: propose to close ticket 3."""
    about: dict[str, Any] = {"ticket": "3", "evidence": {}, "confidence": "90%"}
    knows = {"evidence": {"decision": "Meeting of November 2"}}
    await agent.get_done("suggest_close", about, knows=knows)
    [made] = (await desk.whole(3))["suggestions"]
    assert (made["confidence"], made["evidence"]) == (0.9, knows["evidence"])


async def leave_what_is_closed(agent: ScriptedAgent, desk: Agent) -> None:
    """The icons of ticket 8 are merged, with pull request 91: tell the desk, if it is needed."""
    refused = await agent.call("suggest_close", ticket=8, evidence={"pr": 91}, pr_number=91)
    assert refused.failed
    assert "completed" in refused.shown
    assert [one["status"] for one in (await desk.whole(8))["suggestions"]] == ["executed"]


async def approve_what_is_well_founded(agent: ScriptedAgent, desk: Agent) -> None:
    """Approve the proposals whose checks passed, and no others."""
    waiting = await agent.get_done("list_suggestions", {"state": "pending"})
    for row in waiting.rows("suggestions"):
        if row["evidence"].get("checks") == "passed":
            verdict = {"id": row["suggestion_id"], "action": "approve"}
            await agent.get_done("act_on_suggestion", verdict, means=VERDICTS)
    states = [(await desk.whole(ticket))["suggestions"][0]["status"] for ticket in (6, 7)]
    assert states == ["executed", "pending"]


async def decline_what_is_not(agent: ScriptedAgent, desk: Agent) -> None:
    """Reject the proposal to close ticket 7: its checks failed."""
    waiting = await agent.call("list_suggestions")
    row = waiting.row("suggestions", ticket="HO-7-shop")
    verdict = {"suggestion_id": row["suggestion_id"], "action": "reject"}
    knows = {"reason": "The checks of its pull request failed."}
    await agent.get_done("reject_suggestion", verdict, means=VERDICTS, knows=knows)
    [declined] = (await desk.whole(7))["suggestions"]
    assert (declined["status"], declined["reason"]) == ("declined", knows["reason"])


async def act_from_the_ticket(agent: ScriptedAgent, desk: Agent) -> None:
    """Is ticket 6 done? If its checks passed, close it."""
    read = await agent.get_done("get_ticket", {"ticket": "handoff://tickets/HO-6-shop"})
    [proposed] = read.rows("suggestions")
    assert proposed["evidence"]["checks"] == "passed"
    act = re.search(r"act_on_suggestion with suggestion_id ([0-9a-f-]{36})", read.facts["message"])
    assert act
    done = await agent.get_done("act_on_suggestion", {"suggestion_id": act[1], "action": "execute"})
    assert "closed" in done.facts["message"]
    assert (await desk.whole(6))["ticket"]["status"] == "closed"


async def come_too_late(agent: ScriptedAgent, desk: Agent) -> None:
    """Approve the proposal to close ticket 7, unless somebody knows better."""
    waiting = await agent.call("list_suggestions")
    row = waiting.row("suggestions", ticket="HO-7-shop")
    await desk.act(row["suggestion_id"], "decline", reason="Its checks failed.")
    late = await agent.call(
        "act_on_suggestion", suggestion_id=row["suggestion_id"], action="execute"
    )
    assert late.failed
    assert "declined" in late.shown
    assert "Its checks failed." in late.shown
    assert (await desk.whole(7))["ticket"]["status"] == "open"


async def find_out_who_settled(agent: ScriptedAgent, desk: Agent) -> None:
    """Who executed the proposal about the icons? Tell me their name."""
    settled = await agent.get_done("list_suggestions", {"status": "Executed"})
    row = settled.row("suggestions", ticket="HO-8-shop")
    assert "settled_at" in row
    assert (await desk.whole(8))["events"][0]["actor_id"] in row["settled_by"]


async def finish_with_testers_left(agent: ScriptedAgent, desk: Agent) -> None:
    """Pull request 92 mended the checkout: bring ticket 1 as far as that goes. Who is next?"""
    about = {"ticket": 1, "evidence": {"pr": 92}, "pr_number": 92, "repo": "acme/shop"}
    made = await agent.get_done("suggest_close", about)
    done = await agent.get_done(
        "act_on_suggestion",
        {"suggestion_id": made.facts["suggestion_id"], "action": "Execute"},
    )
    assert "qa" in done.facts["message"]
    ticket = (await desk.whole(1))["ticket"]
    assert (ticket["stage"], ticket["status"]) == ("validation", "open")


async def go_all_the_way(agent: ScriptedAgent, desk: Agent) -> None:
    """The sitemap lacks the new pages: file it, have it built, and close it when it is merged."""
    about = {
        "title": "The sitemap lacks the new pages",
        "description": "Search engines find none of the pages since October.",
        "request_type": "Bug",
        "roles": "Backend",
    }
    filed = await agent.get_done("create_ticket", about)
    ticket = filed.facts["ticket"]
    next_tool = re.search(r"Next: (\w+)", filed.facts["message"])
    assert next_tool
    built = await agent.get_done(next_tool[1], {"ticket": ticket, "repo": "acme/shop"})
    followed = await agent.call("find_builds", ticket=ticket)
    assert followed.row("builds", build_id=built.facts["build_id"])["status"] == "queued"
    merged = {"ticket": ticket, "evidence": {"pr": 93}, "pr_number": 93, "repo": "acme/shop"}
    made = await agent.get_done("suggest_close", merged)
    settled = {"suggestion_id": made.facts["suggestion_id"], "action": "execute"}
    await agent.get_done("act_on_suggestion", settled)
    assert (await desk.whole(ticket))["ticket"]["resolution_type"] == "completed"


TASKS = (
    tell_of_a_merge,
    close_a_ticket,
    propose_what_is_proposed,
    propose_with_something_to_check,
    leave_what_is_closed,
    approve_what_is_well_founded,
    decline_what_is_not,
    act_from_the_ticket,
    come_too_late,
    find_out_who_settled,
    finish_with_testers_left,
    go_all_the_way,
)
