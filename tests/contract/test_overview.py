"""A project as a whole, over every backend."""

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.overview import SHOWN
from tests import requests

OTHER = Caller(bot("agent-2"), project="shop")


async def test_an_empty_project_has_nothing_of_anything(backend: Backend, caller: Caller) -> None:
    overview = await backend.get_overview(caller, requests.get_overview())
    assert overview.counts is not None
    assert set(overview.counts.stages.values()) == {0}
    assert (overview.ready, overview.held, overview.asked) == ([], [], [])


async def test_an_overview_counts_what_there_is(backend: Backend, caller: Caller) -> None:
    for number, priority in enumerate(("low", "high", "high")):
        about = {
            "title": f"Fault number {number}",
            "priority": priority,
            "roles": ["backend", "qa"],
        }
        await backend.create_ticket(caller, requests.create_ticket(**about))
    await backend.take_ticket(caller, requests.take_ticket("backend", ticket=1))
    closing = requests.update_ticket(3, close_as="wont_fix", note="Too rare.")
    await backend.update_ticket(caller, closing)
    await backend.suggest_close(caller, requests.suggest_close(1))
    await backend.trigger_bot_build(caller, requests.trigger_bot_build(2))
    overview = await backend.get_overview(caller, requests.get_overview())
    assert overview.counts is not None
    there_are = {name: number for name, number in overview.counts.stages.items() if number}
    assert there_are == {"backlog": 1, "in_progress": 1, "live": 1}
    assert overview.counts.priorities == {"high": 1, "medium": 0, "low": 1}
    assert overview.counts.roles == {"backend": 2, "qa": 2}
    assert (overview.counts.pending_suggestions, overview.counts.builds_under_way) == (1, 1)
    assert [project.slug for project in overview.projects] == ["shop"]
    assert overview.me is not None
    assert "agent-1" in overview.me


async def test_an_overview_shows_what_is_ready_held_and_asked(
    backend: Backend, caller: Caller
) -> None:
    for number in range(SHOWN + 2):
        priority = "high" if number == SHOWN else "medium"
        await backend.create_ticket(
            caller, requests.create_ticket(title=f"Fault number {number}", priority=priority)
        )
    await backend.take_ticket(caller, requests.take_ticket("backend", ticket=1))
    question = requests.add_message(1, "Which of both?", to_role="design")
    await backend.add_message(caller, question)
    mine = await backend.get_overview(caller, requests.get_overview(role="backend"))
    assert [ticket.number for ticket in mine.ready] == [SHOWN + 1, 2, 3, 4, 5]
    [held] = mine.held
    assert (held.ticket, held.take.role, held.take.parked) == (
        "HO-1-shop",
        "backend",
        "waits for an answer of design",
    )
    assert mine.asked == []
    theirs = await backend.get_overview(OTHER, requests.get_overview(role="design"))
    assert (theirs.ready, theirs.held) == ([], [])
    [asked] = theirs.asked
    assert (asked.ticket, asked.body, asked.to_role) == ("HO-1-shop", "Which of both?", "design")
