"""Three people and a bot at one desk, each in a browser of their own, and what each sees of the
others without loading a page again."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import Browser, Locator, Page, expect

from tests.chromium import UNREACHABLE, opened
from tests.http.served import Served, bearer
from tests.mcp.agent import Agent
from tests.portal.scene import People, Scene
from tests.portal.screenshots import sign_in

pytestmark = pytest.mark.proof

TICKET = {
    "title": "The invoice charges twice",
    "description": "Pay, go back, and pay.",
    "request_type": "bug",
    "roles": ["backend", "qa"],
}


class Bot:
    """An agent over Streamable HTTP, in a thread of its own: a browser's loop is in the way of
    another in this one."""

    def __init__(self, scene: Scene, name: str) -> None:
        self._url, self._token = f"{scene.url}/mcp", scene.tokens[name]
        self._project = scene.project
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        http = httpx2.AsyncClient(headers=bearer(self._token), timeout=60)
        self._stack.enter_context(self._portal.wrap_async_context_manager(http))
        client = Client(streamable_http_client(self._url, http_client=http))
        agent = Agent(self._stack.enter_context(self._portal.wrap_async_context_manager(client)))
        self._agent = agent
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool in the project; return what it tells."""
        sent = {"project": self._project, **arguments}
        return self._portal.call(partial(self._agent.call, tool, **sent))


@pytest.fixture
def claude(scene: Scene) -> Iterator[Bot]:
    """A bot over MCP."""
    with Bot(scene, "claude") as bot:
        yield bot


@pytest.fixture
def pages(scene: Scene, chromium: Browser) -> Iterator[dict[str, Page]]:
    """A board for each of the people: two users, an admin, a reader."""
    tokens = {**scene.tokens, "root": scene.people.desk.token}
    with ExitStack() as stack:
        shown = dict[str, Page]()
        for name in ("mia", "bob", "root", "rita"):
            shown[name] = stack.enter_context(opened(chromium, scene.url))
            sign_in(shown[name], tokens[name], scene.board)
        yield shown


def card(page: Page, name: str) -> Locator:
    return page.locator(f"#card-{name}")


def answer_in_inbox(page: Page, answer: str) -> None:
    """Answer what waits in one's inbox."""
    question = page.locator("#to-answer article").filter(has_text="Which till?")
    question.get_by_text("Answer", exact=True).first.click()
    question.get_by_label("Your answer").fill(answer)
    question.get_by_role("button", name="Answer").click()


def decide(page: Page, decision: str, reason: str) -> None:
    """Decide on the one suggestion in one's inbox."""
    suggestion = page.locator("#to-approve article")
    suggestion.get_by_label("Reason").fill(reason)
    suggestion.get_by_role("button", name=decision).click()
    expect(page.get_by_text("Nobody suggests to close anything.")).to_be_visible()


def test_a_ticket_goes_from_filing_to_live_and_everyone_sees_it(
    scene: Scene, claude: Bot, pages: dict[str, Page]
) -> None:
    mia, bob, root, rita = (pages[name] for name in ("mia", "bob", "root", "rita"))
    name = claude.call("create_ticket", **TICKET)["ticket"]
    for page in pages.values():
        expect(card(page, name)).to_contain_text(TICKET["title"])
    claude.call("take_ticket", ticket=name, role="backend")
    for page in pages.values():
        expect(page.locator("#stage-in_progress .holder")).to_have_text("backend: claude (bot)")
    mia.goto("/inbox")
    claude.call("add_message", ticket=name, body="Which till?", to_role="backend")
    answer_in_inbox(mia, "The second.")
    expect(mia.locator("#timeline")).to_contain_text("The second.")
    mia.goto("/inbox")
    expect(mia.get_by_text("Nobody waits for an answer.")).to_be_visible()
    root.goto(f"/tickets/{name}")
    done = {"role": "backend", "role_status": "done", "note": "Each order has one payment now."}
    claude.call("update_ticket", ticket=name, **done)
    expect(root.locator("#timeline")).to_contain_text("The second.")
    expect(root.locator("#timeline")).to_contain_text("Each order has one payment now.")
    expect(card(rita, name).locator(".role.done")).to_contain_text("backend")
    bob.goto("/inbox")
    claude.call("suggest_close", ticket=name, evidence={"tests": "214 passed"})
    expect(root.locator("#suggestions .evidence")).to_contain_text("214 passed")
    expect(bob.locator("#to-approve .evidence")).to_contain_text("214 passed")
    decide(bob, "Decline", "Nobody has tried it with two windows.")
    expect(root.locator("#linked")).to_contain_text("Nobody has tried it with two windows.")
    expect(root.locator("#suggestions .card")).to_have_count(0)
    claude.call("suggest_close", ticket=name, evidence={"tests": "215 passed, two windows"})
    decide(bob, "Execute", "Now it has been.")
    for page in (bob, mia):
        expect(page.locator("#to-approve")).to_contain_text("Nobody suggests to close anything.")
    expect(root.locator("#ticket-head .stage")).to_have_text("validation")
    expect(root.locator("#linked")).to_contain_text("Now it has been.")
    root.get_by_role("button", name="Take").click()
    qa = root.locator("#roles li").filter(has_text="qa")
    qa.get_by_text("Finish or give back").click()
    qa.get_by_label("Note for whoever comes next").fill("Tried it with two windows.")
    qa.get_by_role("button", name="Save").click()
    expect(root.locator("#ticket-head .stage")).to_have_text("live")
    expect(rita.locator("#stage-live .card")).to_contain_text(TICKET["title"])
    assert scene.read(name)["status"] == "closed"


def test_without_a_script_the_same_is_done_by_loading_pages(
    scene: Scene, claude: Bot, chromium: Browser
) -> None:
    name = claude.call("create_ticket", **{**TICKET, "roles": ["backend"]})["ticket"]
    claude.call("take_ticket", ticket=name, role="backend")
    claude.call("add_message", ticket=name, body="Which till?", to_role="backend")
    with opened(chromium, scene.url, java_script_enabled=False) as mia:
        sign_in(mia, scene.tokens["mia"], scene.board)
        expect(mia.locator("#stage-in_progress .holder")).to_contain_text("claude (bot)")
        card(mia, name).get_by_text("Move", exact=True).click()
        card(mia, name).get_by_role("button", name="validation").click()
        expect(mia.locator("#stage-validation .card")).to_have_count(1)
        mia.get_by_role("link", name="Inbox").click()
        answer_in_inbox(mia, "The second.")
        expect(mia).to_have_url(f"{scene.url}/tickets/{name}#thread")
        mia.goto("/inbox")
        expect(mia.get_by_text("Nobody waits for an answer.")).to_be_visible()
        for decision, reason in (("Decline", "Look again."), ("Execute", "Now it is right.")):
            claude.call("suggest_close", ticket=name, evidence={"looked": reason})
            mia.goto("/inbox")
            decide(mia, decision, reason)
        mia.goto(f"/tickets/{name}")
        expect(mia.locator(".stage")).to_have_text("live")
        expect(mia.locator("#linked")).to_contain_text("Look again.")


def test_a_suggestion_is_decided_in_the_drawer_and_the_ticket_stays_there(
    scene: Scene, pages: dict[str, Page]
) -> None:
    name = scene.file()
    scene.suggest(name, tests="all passed")
    bob = pages["bob"]
    card(bob, name).get_by_role("link").first.click()
    drawer = bob.get_by_role("dialog", name="Ticket")
    drawer.get_by_label("Reason").fill("It was looked at.")
    drawer.get_by_role("button", name="Execute").click()
    expect(drawer.locator("#ticket-head .stage")).to_have_text("live")
    expect(drawer.locator("#linked")).to_contain_text("It was looked at.")
    bob.keyboard.press("Escape")
    expect(bob.locator("#stage-live .card")).to_have_count(1)


def test_two_people_move_a_card_at_once_and_one_is_told_why_it_is_elsewhere(
    scene: Scene, pages: dict[str, Page]
) -> None:
    name = scene.file()
    mia, bob = pages["mia"], pages["bob"]
    for page in (mia, bob):
        expect(card(page, name)).to_be_visible()
        page.route("**/changes*", lambda _: None)  # it waits for what never comes
        page.reload()
    for page, stage in ((mia, "up next"), (bob, "validation")):
        card(page, name).get_by_text("Move", exact=True).click()
        card(page, name).get_by_role("button", name=stage).click()
        if page is mia:
            expect(mia.locator("#stage-up_next .card")).to_have_count(1)
    expect(bob.get_by_role("alert")).to_contain_text("was changed")
    expect(bob.locator("#stage-up_next .card")).to_have_count(1)
    expect(bob.locator("#stage-validation .card")).to_have_count(0)
    expect(card(bob, name).get_by_role("link").first).to_be_focused()
    assert scene.read(name)["stage"] == "up_next"


def test_a_page_is_live_again_after_the_server_was_away_and_has_lost_nothing(
    store: Path, chromium: Browser
) -> None:
    with People.at(store) as people:
        scene = people.project()
        name = scene.file()
        with opened(chromium, scene.url, admitted=UNREACHABLE) as page:
            sign_in(page, scene.tokens["mia"], scene.board)
            expect(card(page, name)).to_be_visible()
            page.evaluate("() => (window.untouched = true)")
            people.desk.end()
            port = scene.url.rpartition(":")[2]
            with Served(store, "--port", port, token=people.desk.token) as again:
                assert again.url == scene.url
                scene.take("claude", name, "backend")
                scene.file(title="Filed while nobody listened")
                expect(card(page, name).locator(".holder")).to_have_text("backend: claude (bot)")
                expect(page.get_by_text("Filed while nobody listened")).to_be_visible()
                scene.file(title="Filed when it was live again")
                expect(page.get_by_text("Filed when it was live again")).to_be_visible()
                assert page.evaluate("() => window.untouched")
