"""What people see of tools' answers in a chat, and what they decide there."""

import re

import pytest
from playwright.sync_api import expect

from tests.apps.chat import Chat
from tests.apps.conftest import Shop

pytestmark = pytest.mark.proof

SHA = "9f2c1e7ab4d05c3e8f1a6b7290d4e5c1f3a8b6d7"


def test_the_board_tells_how_many_what_is_ready_and_what_waits(shop: Shop, chat: Chat) -> None:
    shop.file_ticket(title="Ready for backend", priority="high", blocking=True)
    held, asked = shop.file_ticket(title="Held by the agent"), shop.file_ticket(title="In doubt")
    shop.post(f"/tickets/{held}/take", {"role": "backend"}, chat.token)
    shop.post(f"/tickets/{asked}/messages", {"body": "Which of the two?", "to_role": "backend"})
    shop.suggest(asked)
    app = chat.show("get_overview")
    expect(app.get_by_role("heading", name="Board of shop")).to_be_visible()
    stages = app.get_by_role("list", name="Tickets by stage")
    expect(stages.get_by_role("listitem")).to_have_text([r"backlog 2", r"in progress 1"])
    expect(app.locator(".card.is-blocking")).to_contain_text("Ready for backend")
    expect(app.get_by_role("region", name="You hold")).to_contain_text("Held by the agent")
    expect(app.get_by_role("region", name="Waits for an answer")).to_contain_text("of the two?")
    expect(app.get_by_text("1 suggested to close")).to_be_visible()


def test_the_board_of_an_empty_project_says_so(chat: Chat) -> None:
    app = chat.show("get_overview")
    expect(app.get_by_text("Project shop has no open ticket.")).to_be_visible()


def test_a_suggestion_shows_its_claim_beside_its_proof(shop: Shop, chat: Chat) -> None:
    ticket = shop.file_ticket()
    about = {"pr_number": 7, "repo": "acme/shop", "merge_sha": SHA, "confidence": 0.9}
    shop.suggest(ticket, evidence={"tests": "418 passed", "lines": [1, 2]}, **about)
    app = chat.show("list_suggestions")
    card = app.get_by_role("article")
    expect(card.get_by_text(f"Merged: pull request #7 of acme/shop as {SHA}")).to_be_visible()
    expect(card.locator(".proof.unproven")).to_contain_text("no linked repository has told")
    evidence = card.get_by_role("table", name="Evidence")
    expect(evidence.get_by_role("row", name="tests")).to_contain_text("418 passed")
    expect(evidence.get_by_role("row", name="lines")).to_contain_text("[1,2]")
    claim, proof = card.locator(".beside section").all()
    left, right = claim.bounding_box(), proof.bounding_box()
    assert left
    assert right
    assert left["x"] + left["width"] <= right["x"]


@pytest.mark.parametrize("tool", ["list_suggestions", "get_ticket"])
def test_whoever_approves_closes_the_ticket(shop: Shop, chat: Chat, tool: str) -> None:
    ticket = shop.file_ticket()
    suggestion = shop.suggest(ticket, merge_sha=SHA)
    app = chat.show(tool, {"ticket": ticket})
    app.get_by_role("button", name="Execute").click()
    card = app.get_by_role("article").filter(has_text="Executed")
    expect(card.get_by_role("status")).to_have_text(re.compile(f"Executed: {ticket} is closed"))
    expect(app.get_by_role("button", name="Execute")).to_have_count(0)
    assert shop.read_suggestion(suggestion)["status"] == "executed"
    assert shop.read_suggestion(suggestion)["settled_by"].startswith("claude")


def test_a_suggestion_is_declined_for_a_reason_alone(shop: Shop, chat: Chat) -> None:
    suggestion = shop.suggest(shop.file_ticket())
    app = chat.show("list_suggestions")
    decline = app.get_by_role("button", name="Decline")
    decline.click()
    expect(app.get_by_role("article").get_by_role("status")).to_contain_text("say why")
    reason = app.get_by_label("Reason")
    expect(reason).to_be_focused()
    expect(reason).to_have_attribute("aria-invalid", "true")
    assert shop.read_suggestion(suggestion)["status"] == "pending"
    reason.fill("That commit was reverted.")
    decline.click()
    expect(app.get_by_text("Declined; HO-1-shop stays as it is.")).to_be_visible()
    settled = shop.read_suggestion(suggestion)
    assert (settled["status"], settled["reason"]) == ("declined", "That commit was reverted.")


def test_whoever_comes_too_late_is_told_who_settled_it(shop: Shop, chat: Chat) -> None:
    suggestion = shop.suggest(shop.file_ticket())
    app = chat.show("list_suggestions")
    action = {"action": "decline", "reason": "Not merged."}
    shop.post(f"/ai-suggestions/{suggestion}/action", action)
    app.get_by_role("button", name="Execute").click()
    told = app.get_by_role("article").get_by_role("status")
    expect(told).to_contain_text("declined")
    expect(told).to_contain_text("mia")
    expect(app.get_by_role("button", name="Execute")).to_have_count(0)


def test_a_refusal_leaves_the_decision_open(shop: Shop, chat: Chat) -> None:
    shop.suggest(shop.file_ticket())
    app = chat.show("list_suggestions")
    chat.page.evaluate(
        "() => { shown.bridge.oncalltool = async () => { throw new Error('not today') } }"
    )
    execute = app.get_by_role("button", name="Execute")
    execute.click()
    told = app.get_by_role("article").get_by_role("status")
    expect(told).to_contain_text("The chat did not pass it on")
    expect(told).to_contain_text("not today")
    expect(execute).to_be_enabled()


def test_everything_is_done_by_keyboard(shop: Shop, chat: Chat) -> None:
    suggestion = shop.suggest(shop.file_ticket())
    app = chat.show("list_suggestions")
    expect(app.get_by_role("button", name="Decline")).to_be_visible()
    keyboard = chat.page.keyboard
    keyboard.press("Tab")
    expect(app.get_by_label("Reason")).to_be_focused()
    keyboard.type("Not merged.")
    keyboard.press("Tab")
    keyboard.press("Tab")
    decline = app.get_by_role("button", name="Decline")
    expect(decline).to_be_focused()
    assert decline.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
    keyboard.press("Enter")
    told = app.get_by_text("Declined; HO-1-shop stays as it is.")
    expect(told).to_be_focused()
    assert shop.read_suggestion(suggestion)["status"] == "declined"


def test_a_ticket_is_shown_with_its_texts_roles_and_thread(shop: Shop, chat: Chat) -> None:
    ticket = shop.file_ticket(
        title="Checkout fails",
        description="First line.\n\n  Second, further in.",
        roles=["backend", "qa"],
        evidence={"trace": "req-31"},
    )
    shop.post(f"/tickets/{ticket}/take", {"role": "backend", "note": "On it."}, chat.token)
    shop.post(f"/tickets/{ticket}/messages", {"body": "Since Monday.", "to_role": "backend"})
    app = chat.show("get_ticket", {"ticket": ticket})
    expect(app.get_by_role("heading", level=1)).to_have_text("HO-1-shop Checkout fails")
    expect(app.get_by_role("list", name="Roles").get_by_role("listitem")).to_have_text(
        ["backend in progress", "qa pending"]
    )
    expect(app.get_by_role("list", name="Who holds it")).to_contain_text("claude")
    description = app.get_by_text("First line.")
    assert description.inner_text() == "First line.\n\n  Second, further in."
    expect(app.get_by_role("row", name="trace")).to_contain_text("req-31")
    expect(app.get_by_role("region", name="Thread")).to_contain_text("Since Monday.")


def test_more_suggestions_follow_on_the_next_page(shop: Shop, chat: Chat) -> None:
    for title in ("First of two", "Second of two"):
        shop.suggest(shop.file_ticket(title=title))
    app = chat.show("list_suggestions", {"limit": 1})
    expect(app.get_by_role("article")).to_have_count(1)
    app.get_by_role("button", name="More").click()
    expect(app.get_by_role("article")).to_have_count(2)
    expect(app.get_by_role("button", name="More")).to_have_count(0)
    app.get_by_role("article").filter(has_text="HO-1-shop").get_by_text("Execute").click()
    expect(app.get_by_text("Executed: HO-1-shop")).to_be_visible()


def test_an_error_is_told_in_words(chat: Chat) -> None:
    app = chat.show("get_ticket", {"ticket": "7"})
    expect(app.get_by_role("status")).to_contain_text("is not in project")


def test_a_chat_that_calls_no_tools_shows_what_there_is_without_controls(
    shop: Shop, chat: Chat
) -> None:
    shop.suggest(shop.file_ticket())
    app = chat.show("list_suggestions", capabilities={"serverTools": None})
    expect(app.get_by_role("article")).to_have_count(1)
    expect(app.get_by_role("button")).to_have_count(0)


def test_an_address_in_the_evidence_is_opened_by_the_chat(shop: Shop, chat: Chat) -> None:
    address = "https://forge.example/acme/shop/pull/7"
    shop.suggest(shop.file_ticket(), evidence={"pull": address})
    app = chat.show("list_suggestions")
    app.get_by_role("link", name=address).click()
    expect(app.get_by_role("link")).to_have_count(1)
    chat.page.wait_for_function("() => shown.opened.length > 0")
    assert chat.opened() == [address]
