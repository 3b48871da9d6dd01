"""Tasks with builds: their goals in words, how an agent goes about them, and what is then true."""

import re
from typing import Any

from tests.agents.scripted import ScriptedAgent
from tests.mcp.agent import Agent


async def start_a_build_in_a_repository(agent: ScriptedAgent, desk: Agent) -> None:
    """Have a bot work on ticket 1 in the shop's repository."""
    about = {"issue": "#1", "repo": "https://github.com/acme/shop.git"}
    started = await agent.get_done("start_build", about)
    [build] = (await desk.whole(1))["builds"]
    assert (build["id"], build["run"]["repo"]) == (started.facts["build_id"], "acme/shop")


async def move_a_build_to_another_repository(agent: ScriptedAgent, desk: Agent) -> None:
    """Ticket 5 is to be built in acme/mails, whatever is under way."""
    started = await agent.get_done("trigger_bot_build", {"ticket": 5, "repo": "acme/mails"})
    if started.facts["repo"] != "acme/mails":
        instead = {"ticket": 5, "repo": "acme/mails", "replaces": started.facts["build_id"]}
        await agent.get_done("trigger_bot_build", instead)
    newest = (await desk.whole(5))["builds"][0]
    assert (newest["run"]["repo"], newest["status"]) == ("acme/mails", "queued")


async def run_a_failed_build_again(agent: ScriptedAgent, desk: Agent) -> None:
    """The build of ticket 4 failed: run it again where it ran."""
    found = await agent.get_done("find_builds", {"ticket_id": 4, "status": "Failed"})
    [failed] = found.rows("builds")
    await agent.get_done("trigger_bot_build", {"ticket": 4, "repo": failed["repo"]})
    again, before = (await desk.whole(4))["builds"]
    assert (again["status"], before["status"]) == ("queued", "failed")
    assert again["run"]["repo"] == "acme/shop"


async def file_why_a_build_failed(agent: ScriptedAgent, desk: Agent) -> None:
    """Why did the build of the export fail? Pass the file and line on to backend."""
    found = await agent.call("find_tickets", query="nightly export")
    [ticket] = [row["ticket"] for row in found.rows("tickets") if "export" in row["title"]]
    builds = await agent.call("find_builds", ticket=ticket)
    line = re.search(r"(\S+\.py), line (\d+)", builds.rows("builds")[0]["error"])
    assert line
    about = {
        "title": "The export expects a price of every product",
        "description": f"The build of {ticket} failed for that.",
        "request_type": "bug",
        "roles": "backend",
        "evidence": f"{line[1]}:{line[2]}",
    }
    filed = await agent.get_done("create_ticket", about)
    whole = (await desk.whole(filed.facts["ticket"]))["ticket"]
    assert whole["evidence"] == {"text": "export/rows.py:88"}


async def build_what_is_closed(agent: ScriptedAgent, desk: Agent) -> None:
    """The old icons are back: have a bot remove them."""
    refused = await agent.call("trigger_bot_build", ticket=8)
    assert refused.failed
    assert "closed" in refused.shown
    assert "new ticket" in refused.shown
    about = {
        "title": "Old icons are back in the footer",
        "description": "They are shown again, as in HO-8-shop.",
        "request_type": "bug",
        "roles": ["design"],
    }
    filed = await agent.get_done("create_ticket", about)
    await agent.get_done("trigger_bot_build", {"ticket": filed.facts["ticket"]})
    assert len((await desk.whole("HO-9-shop"))["builds"]) == 1


async def rename_a_build(agent: ScriptedAgent, desk: Agent) -> None:
    """Call the build of ticket 5 "Subject with number"."""
    build = await _only_build(agent, 5)
    about = {"id": build["build_id"], "name": "Subject with number"}
    await agent.get_done("rename_build", about)
    assert (await desk.whole(5))["builds"][0]["display_name"] == "Subject with number"


async def clear_what_is_said_of_a_build(agent: ScriptedAgent, desk: Agent) -> None:
    """The build of ticket 5 is to have no description any more."""
    build = await _only_build(agent, 5)
    about = {"build_id": build["build_id"], "unset": "description"}
    await agent.get_done("update_build", about)
    left = await _only_build(agent, 5)
    assert "description" in build
    assert "description" not in left
    assert "description" not in (await desk.whole(5))["builds"][0]


async def put_a_build_away(agent: ScriptedAgent, desk: Agent) -> None:
    """The failed build of ticket 4 is of no use: mark it inactive, and say why."""
    build = await _only_build(agent, 4)
    about = {
        "build": build["build_id"],
        "active": "no",
        "description": "Of no use: it failed.",
        "status": "ready",
    }
    await agent.get_done("update_build", about)
    kept = (await desk.whole(4))["builds"][0]
    assert (kept["is_active"], kept["status"]) == (False, "failed")


async def tell_what_a_build_was_made_of(agent: ScriptedAgent, desk: Agent) -> None:
    """Note the commit 9f2c1e7 at the build of ticket 5."""
    build = await _only_build(agent, 5)
    about = {"build_id": build["build_id"], "tags": '{"commit": "9f2c1e7"}'}
    await agent.get_done("edit_build", about)
    assert (await desk.whole(5))["builds"][0]["metadata"] == {"commit": "9f2c1e7"}


async def report_what_ci_made(agent: ScriptedAgent, desk: Agent) -> None:
    """Run 88 of GitHub Actions builds ticket 5: say so, and then that it succeeded."""
    run = {"ticket": 5, "build_ref": 88, "provider": "github", "link": "https://ci.example/88"}
    began = await agent.get_done("register_build", {**run, "status": "Running"})
    about = {"id": began.facts["build_id"], "status": "succeeded"}
    await agent.get_done("report_build", about)
    made = (await desk.whole(5))["builds"][0]
    assert (made["status"], made["build_ref"], made["url"]) == ("ready", "88", run["link"])


async def _only_build(agent: ScriptedAgent, ticket: int) -> dict[str, Any]:
    [build] = (await agent.call("find_builds", ticket=ticket)).rows("builds")
    return build


TASKS = (
    start_a_build_in_a_repository,
    move_a_build_to_another_repository,
    run_a_failed_build_again,
    file_why_a_build_failed,
    build_what_is_closed,
    rename_a_build,
    clear_what_is_said_of_a_build,
    put_a_build_away,
    tell_what_a_build_was_made_of,
    report_what_ci_made,
)
