"""Tasks of those who work: their goals, how an agent goes about them, and what is then true."""

from collections.abc import Mapping

from tests.agents.scripted import Part, Player, ScriptedAgent, Task
from tests.mcp.agent import Agent


async def do_the_next_for_frontend(agent: Player, desk: Agent) -> None:
    """You are the frontend agent: do the most urgent work that is ready for you."""
    taken = await agent.call("take_ticket", role="frontend")
    ticket = taken.facts["ticket"]
    assert ticket == "HO-2-shop"
    done = {"ticket": ticket, "role": "frontend", "role_status": "done"}
    note = "Codes are compared without case in till/coupons.ts; 14 tests pass."
    finished = await agent.call("update_ticket", **done, note=note)
    assert "merged" in finished.shown
    assert (await desk.whole(2))["ticket"]["stage"] == "validation"


async def ask_and_finish_as_backend(agent: Player, desk: Agent) -> None:
    """You are the backend agent: take ticket 1, ask qa how many items a cart may have, finish."""
    taken = await agent.call("take_ticket", role="backend", ticket="HO-1-shop")
    fence = taken.facts["fence"]
    question = {"body": "How many items may a cart have?", "to_role": "qa"}
    asked = await agent.call("add_message", ticket=1, **question)
    answer = {"body": "1,000.", "answers": asked.facts["message_id"]}
    await desk.call("add_message", ticket=1, **answer)
    read = await agent.call("get_ticket", ticket=1)
    assert "1,000." in read.shown
    done = {"ticket": 1, "role": "backend", "role_status": "done", "fence": int(fence)}
    finished = await agent.call("update_ticket", **done, note="The limit is 1,000 items now.")
    assert "qa" in finished.facts["can_begin"]


async def send_back_once_as_qa(agent: Player, desk: Agent) -> None:
    """You are the qa agent: test ticket 1; what fails goes back to backend, what passes is done."""
    done = {"ticket": 1, "role": "backend", "role_status": "done"}
    await desk.call("update_ticket", **done, note="Lifted in cart/limits.py.")
    taken = await agent.call("take_ticket", role="qa")
    assert "cart/limits.py" in taken.shown
    back = {"ticket": 1, "role": "backend", "role_status": "pending"}
    await agent.call("update_ticket", **back, note="101 items still answer 500.")
    await desk.call("update_ticket", **done, note="And in cart/checks.py.")
    again = await agent.call("take_ticket", role="qa", ticket=1)
    assert "cart/checks.py" in again.shown
    passed = {"ticket": 1, "role": "qa", "role_status": "done", "note": "1,000 items pass."}
    await agent.call("update_ticket", **passed)
    roles = {role["role"]: role["status"] for role in (await desk.whole(1))["ticket"]["roles"]}
    assert roles == {"backend": "done", "qa": "done", "merged": "pending"}


async def report_as_ci(agent: Player, desk: Agent) -> None:
    """You are the CI bot: tell that run 88 of ticket 1 began, and that it failed."""
    made = {"ticket": 1, "build_ref": "88", "provider": "ci"}
    began = await agent.call("report_build", **made, status="running")
    build = began.facts["build_id"]
    why = "2 tests failed: test_cart, test_till"
    await agent.call("report_build", build_id=build, status="failed", error_message=why)
    [newest] = (await desk.whole(1))["builds"]
    assert (newest["status"], newest["error_message"]) == ("failed", why)


async def close_what_is_merged(agent: Player, desk: Agent) -> None:
    """You are the merge bot: pull request 50 of ticket 5 was merged as 50c0ffee; close it."""
    proof = {"ticket": 5, "evidence": {"url": "https://github.com/acme/shop/pull/50"}}
    change = {"pr_number": 50, "merge_sha": "50c0ffee", "repo": "acme/shop"}
    suggested = await agent.call("suggest_close", **proof, **change)
    named = {"suggestion_id": suggested.facts["suggestion_id"]}
    await agent.call("act_on_suggestion", **named, action="execute")
    assert (await desk.whole(5))["ticket"]["status"] == "closed"


async def plan_with_blockers(agent: Player, desk: Agent) -> None:
    """Plan gift cards: design first, then backend and frontend, then texts. What is ready?"""
    filed = dict[str, str]()
    for name, role, after in (
        ("design", "design", ()),
        ("backend", "backend", ("design",)),
        ("frontend", "frontend", ("design",)),
        ("texts", "other", ("backend", "frontend")),
    ):
        about = {
            "title": f"Gift cards: {name}",
            "description": f"The part of {name} in selling gift cards.",
            "request_type": "feature_request",
            "roles": [role],
            "blocked_by": [filed[one] for one in after],
        }
        filed[name] = (await agent.call("create_ticket", **about)).facts["ticket"]
    ready = await agent.call("find_tickets", query="gift cards", ready=True)
    assert [row["ticket"] for row in ready.rows("tickets")] == [filed["design"]]
    done = {"ticket": filed["design"], "role": "design", "role_status": "done"}
    await agent.call("update_ticket", **done, note="The drawing is in the wiki.")
    skipped = {"role": "merged", "role_status": "skipped", "note": "Nothing to merge."}
    closed = await agent.call("update_ticket", ticket=filed["design"], **skipped)
    assert filed["backend"] in closed.facts["unblocked"]
    taken = await agent.call("take_ticket", role="backend", ticket=filed["backend"])
    assert "The drawing is in the wiki." in taken.shown


async def ask_and_finish_in_other_words(agent: ScriptedAgent, desk: Agent) -> None:
    """You are the frontend agent: take ticket 2, ask qa which codes there are, finish."""
    await agent.get_done("claim_ticket", {"role": "Frontend", "ticket": "HO-2"})
    question = {"ticket": 2, "text": "Which codes are there?", "to": "QA"}
    asked = await agent.get_done("add_comment", question)
    await desk.call("add_message", ticket=2, body="All.", answers=asked.facts["message_id"])
    done = {"ticket": 2, "role": "Frontend", "role_status": "Done"}
    await agent.get_done("complete_role", {**done, "note": "They are compared without case."})
    assert (await desk.whole(2))["ticket"]["stage"] == "validation"


PARTS: Mapping[Part, int] = {
    do_the_next_for_frontend: 3,
    ask_and_finish_as_backend: 6,
    send_back_once_as_qa: 4,
    report_as_ci: 4,
    close_what_is_merged: 4,
    plan_with_blockers: 9,
}
"""What everybody who works here does, and the most calls that it may take."""

TASKS: tuple[Task, ...] = (*PARTS, ask_and_finish_in_other_words)
