"""The desk at which every task begins: a shop with tickets, builds and proposals, and an app."""

from pathlib import Path
from typing import Any

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Store
from mcp_handoff.projects import CreateProject
from mcp_handoff.runs import ReportRun
from tests.mcp.agent import Agent
from tests.mcp.in_memory import DISPATCHED, open_store, served

CALLER = Caller(bot("ci-bot"), project="shop")

STORY = "The filters that were set before are gone, one by one, after each step back. " * 60

TICKETS: tuple[dict[str, Any], ...] = (
    {
        "title": "Checkout answers 500 from the 100th item on",
        "description": "POST /checkout fails in cart/limits.py:41 when a cart has 100 items.",
        "request_type": "bug",
        "roles": ["backend", "qa"],
        "priority": "high",
        "blocking": True,
    },
    {
        "title": "Coupon codes in lower case are refused at the till",
        "description": "SUMMER works and summer does not; both are printed on our flyers.",
        "request_type": "bug",
        "roles": ["frontend"],
    },
    {
        "title": "Which of the two address forms do we keep?",
        "description": "There are two forms for addresses; one has to go before the summer.",
        "request_type": "decision_needed",
        "roles": ["design"],
    },
    {
        "title": "Nightly export stops when a price is missing",
        "description": "The export ends without a word at the first product without a price.",
        "request_type": "bug",
        "roles": ["backend"],
    },
    {
        "title": "Add the order number to the subject of mails",
        "description": "Customers look for it when they write to us about an order.",
        "request_type": "feature_request",
        "roles": ["backend"],
    },
    {
        "title": "The search box forgets its filters",
        "description": f"{STORY}It happens in Firefox alone.",
        "request_type": "bug",
        "roles": ["frontend"],
    },
    {
        "title": "Product pages jump while pictures load",
        "description": "On small screens everything moves down when a picture arrives.",
        "request_type": "bug",
        "roles": ["frontend", "qa"],
        "priority": "low",
    },
    {
        "title": "Old icons are shown in the footer",
        "description": "The footer still has the icons of the last design.",
        "request_type": "bug",
        "roles": ["design"],
    },
)
"""HO-1-shop to HO-8-shop; the last one is closed."""

MOBILE = {
    "title": "The app ends at login without a network",
    "description": "It should say that there is no network, and stay open.",
    "request_type": "bug",
    "roles": ["other"],
    "project": "mobile",
}
FAILURE = "test_export failed: KeyError: 'price' in export/rows.py, line 88"


async def furnish(folder: Path) -> Path:
    """Make the store that every task begins with, and return where it lies."""
    store = await open_store(folder / "handoff.db")
    async with served(store, folder, HANDOFF_ACTOR_ID="ci-bot", **DISPATCHED) as client:
        await _fill(Agent(client), store)
    await store.close()
    return folder / "handoff.db"


async def _fill(desk: Agent, store: Store) -> None:
    await store.create_project(CALLER, CreateProject(name="Mobile app", slug="mobile"))
    for ticket in (*TICKETS, MOBILE):
        await desk.file_ticket(**ticket)
    await desk.trigger(4, provider="claude-code", repo="acme/shop")
    run = (await desk.whole(4))["builds"][0]["run"]["id"]
    failed = ReportRun(run_id=run, status="failed", error_message=FAILURE)
    await store.report_run(CALLER, failed)
    build = await desk.trigger(5, provider="claude-code", repo="acme/shop")
    await desk.call("update_build", build_id=build, description="Draft of the new subject.")
    merged = {"checks": "passed", "url": "https://github.com/acme/shop/pull/41"}
    await desk.suggest(6, evidence=merged, pr_number=41, merge_sha="41c0ffee", repo="acme/shop")
    broken = {"checks": "failed", "url": "https://github.com/acme/shop/pull/42"}
    await desk.suggest(7, evidence=broken, pr_number=42, repo="acme/shop", confidence=0.4)
    await desk.act(await desk.suggest(8, evidence={"pr": 40}), "execute")
