"""Tasks with tickets: their goals in words, how an agent goes about them, and what is then true."""

from tests.agents.scripted import ScriptedAgent
from tests.mcp.agent import Agent

PRIORITIES = {"P1": "high", "urgent": "high"}


async def file_a_bug_that_nobody_knows(agent: ScriptedAgent, desk: Agent) -> None:
    """Gift cards are charged twice: have the backend people look at it, it is urgent."""
    known = await agent.call("find_tickets", query="gift card charged twice", status="open")
    assert not [row for row in known.rows("tickets") if "ift card" in row["title"]]
    about = {
        "title": "Gift cards are charged twice",
        "description": "A gift card of 20 is charged with 40 when the page is loaded again.",
        "type": "bug",
        "assignee": ["backend"],
        "severity": "P1",
    }
    filed = await agent.get_done("create_ticket", about, means=PRIORITIES)
    whole = (await desk.whole(filed.facts["ticket"]))["ticket"]
    assert (whole["request_type"], whole["priority"]) == ("bug", "high")


async def file_nothing_that_is_known(agent: ScriptedAgent, desk: Agent) -> None:
    """The checkout fails with many items: file it, if nobody has."""
    known = await agent.get_done("find_tickets", {"q": "checkout fails items"})
    assert "Checkout answers 500 from the 100th item on" in {
        row["title"] for row in known.rows("tickets")
    }
    assert "HO-9-shop" not in await desk.find(status="any")


async def ask_for_an_enhancement(agent: ScriptedAgent, desk: Agent) -> None:
    """Design and frontend are to make a dark theme some day."""
    about = {
        "title": "A dark theme for the shop",
        "description": "Customers ask for it, mostly in the evening.",
        "request_type": "enhancement",
        "roles": "design, frontend",
        "priority": "Low",
    }
    means = {"enhancement": "feature_request"}
    filed = await agent.get_done("create_issue", about, means=means)
    whole = (await desk.whole(filed.facts["ticket"]))["ticket"]
    assert whole["request_type"] == "feature_request"
    assert [role["role"] for role in whole["roles"]] == ["design", "frontend", "merged"]


async def file_for_somebody(agent: ScriptedAgent, desk: Agent) -> None:
    """The certificate of the shop ends next week: see to it that somebody renews it."""
    about = {
        "title": "The shop's certificate ends next week",
        "description": "It has to be renewed before, or nobody reaches the shop.",
        "request_type": "bug",
    }
    filed = await agent.get_done("create_ticket", about, knows={"roles": ["devops"]})
    waiting = await desk.find(role="devops")
    assert waiting == [filed.facts["ticket"]]


async def file_with_a_title_that_is_too_long(agent: ScriptedAgent, desk: Agent) -> None:
    """Report what a customer wrote, with all of it in the title."""
    story = "The basket is empty after the browser was closed and opened again, and more. " * 3
    about = {"title": story, "description": story, "request_type": "bug", "roles": ["frontend"]}
    filed = await agent.get_done("create_ticket", about)
    whole = (await desk.whole(filed.facts["ticket"]))["ticket"]
    assert whole["title"].startswith("The basket is empty")
    assert len(whole["title"]) <= 140


async def file_once_though_the_answer_was_lost(agent: ScriptedAgent, desk: Agent) -> None:
    """File that invoices lack the tax number; the first answer never arrives."""
    about = {
        "title": "Invoices lack the tax number",
        "description": "It has to be on each of them since January.",
        "request_type": "bug",
        "roles": ["backend"],
        "idempotency_key": "invoice-tax-1",
    }
    await agent.call("create_ticket", **about)
    again = await agent.get_done("create_ticket", about)
    assert "before" in again.facts["message"]
    assert await desk.find(role="backend", query="invoices") == [again.facts["ticket"]]


async def file_in_another_project(agent: ScriptedAgent, desk: Agent) -> None:
    """The app for phones shows prices without a currency: file that where it belongs."""
    projects = await agent.call("get_overview")
    mobile = projects.row("projects", name="Mobile app")["project"]
    about = {
        "title": "The app shows prices without a currency",
        "description": "It says 12.00 where the shop says 12.00 EUR.",
        "request_type": "bug",
        "roles": ["other"],
        "project": mobile,
    }
    filed = await agent.get_done("create_ticket", about)
    assert filed.facts["ticket"] == "HO-2-mobile"
    assert "HO-2-mobile" in await desk.find(project="mobile")


async def build_what_waits_for_the_frontend(agent: ScriptedAgent, desk: Agent) -> None:
    """Have a bot work on the coupons, if they still wait for the frontend."""
    waiting = await agent.get_done("find_tickets", {"role": "Front end", "type": "bug"})
    [coupons] = [row for row in waiting.rows("tickets") if "Coupon" in row["title"]]
    await agent.get_done("trigger_bot_build", {"ticket_id": coupons["ticket"]})
    assert [build["status"] for build in (await desk.whole(2))["builds"]] == ["queued"]


async def count_by_pages(agent: ScriptedAgent, desk: Agent) -> None:
    """How many tickets of the shop are open? Read them three at a time."""
    page = await agent.get_done("find_tickets", {"max_results": 3})
    found = [row["ticket"] for row in page.rows("tickets")]
    while "next_cursor" in page.facts:
        page = await agent.call("find_tickets", limit=3, cursor=page.facts["next_cursor"])
        found += [row["ticket"] for row in page.rows("tickets")]
    assert sorted(found) == sorted(await desk.find(limit=100))


async def read_to_the_last_word(agent: ScriptedAgent, desk: Agent) -> None:
    """In which browser does the search box forget its filters? Pass that on to qa."""
    found = await agent.call("find_tickets", query="search box filters")
    [ticket] = [row["ticket"] for row in found.rows("tickets") if "search box" in row["title"]]
    read = await agent.get_done("get_ticket", {"id": ticket})
    browser = read.facts["description"].split()[-2]
    about = {
        "title": "Try the search box in other browsers",
        "description": f"{ticket} was seen in: {browser}",
        "request_type": "clarification_needed",
        "roles": ["qa"],
    }
    filed = await agent.get_done("create_ticket", about)
    assert browser == "Firefox"
    told = (await desk.whole(filed.facts["ticket"]))["ticket"]["description"]
    assert told == "HO-6-shop was seen in: Firefox"


async def look_for_what_a_wrong_number_meant(agent: ScriptedAgent, desk: Agent) -> None:
    """Have a bot work on ticket 77, the one about the coupons."""
    missing = await agent.call("get_ticket", ticket="HO-77")
    assert missing.failed
    assert "search for it" in missing.shown
    found = await agent.call("find_tickets", query="coupon")
    [ticket] = [row["ticket"] for row in found.rows("tickets")]
    await agent.get_done("trigger_bot_build", {"ticket": ticket})
    assert len((await desk.whole(2))["builds"]) == 1


async def read_a_ticket_of_another_project(agent: ScriptedAgent, desk: Agent) -> None:
    """What is the app's ticket about, and whom does it wait for?"""
    projects = await agent.call("get_overview")
    [other] = [row for row in projects.rows("projects") if row["project"] != "shop"]
    found = await agent.call("find_tickets", project=other["project"])
    [row] = found.rows("tickets")
    read = await agent.get_done("read_ticket", {"ticket": row["ticket"]})
    assert read.facts["ticket"] == "HO-1-mobile"
    assert "waits for other" in read.facts["message"]
    assert read.facts["title"] == (await desk.whole("HO-1-mobile"))["ticket"]["title"]


TASKS = (
    file_a_bug_that_nobody_knows,
    file_nothing_that_is_known,
    ask_for_an_enhancement,
    file_for_somebody,
    file_with_a_title_that_is_too_long,
    file_once_though_the_answer_was_lost,
    file_in_another_project,
    build_what_waits_for_the_frontend,
    count_by_pages,
    read_to_the_last_word,
    look_for_what_a_wrong_number_meant,
    read_a_ticket_of_another_project,
)
