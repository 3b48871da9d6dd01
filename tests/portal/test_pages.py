"""What people see and do on the pages, without a script."""

from typing import Any

import pytest

from tests.http.served import Served, bearer, make_token
from tests.portal.browser import Browser
from tests.requests import TICKET

BODY: dict[str, Any] = {**TICKET, "priority": "high", "blocking": False}


def file_ticket(desk: Served, **fields: Any) -> str:
    """File a ticket as a bot; return its reference."""
    answer = desk.http.post("/api/projects/shop/tickets", json={**BODY, **fields})
    return answer.json()["ticket"]["reference"]


def read_ticket(desk: Served, name: str) -> dict[str, Any]:
    return desk.http.get(f"/api/projects/shop/tickets/{name}").json()["ticket"]


def test_a_ticket_is_filed_and_found_on_the_board(desk: Served, mia: Browser) -> None:
    mia.visit("/new")
    page = mia.submit(
        "File it",
        title="Checkout fails at 100 items",
        description="It answers **500**.",
        roles=["backend", "qa"],
    )
    assert page.response.url.path == "/tickets/HO-1-shop"
    assert ("strong", {}) in page.tags
    board = mia.visit("/")
    assert board.links["Checkout fails at 100 items"] == "/tickets/HO-1-shop"
    filed = read_ticket(desk, "1")
    assert (filed["actor_role"], filed["actor_id"], filed["source"]) == ("user", "mia", "portal")


def test_what_is_wrong_with_a_new_ticket_stands_at_its_field_and_nothing_is_lost(
    mia: Browser,
) -> None:
    mia.visit("/new")
    page = mia.submit("File it", title="Fail", description="It answers 500.", roles=["qa"])
    assert page.response.status_code == 400
    assert "must have at least 5 characters" in page.text
    assert page.forms[-1].fields["description"] == "It answers 500."
    assert page.forms[-1].fields["roles"] == "qa"


def test_the_board_shows_each_stage_with_its_count_and_filters_by_its_address(
    desk: Served, mia: Browser
) -> None:
    for fruit in ("apples", "pears", "plums"):
        file_ticket(desk, title=f"Fault of {fruit}", roles=["design"])
    file_ticket(desk, title="Something else", roles=["devops"])
    assert "backlog\n      4" in mia.visit("/").text
    assert "backlog\n      3" in mia.visit("/?role=design").text
    found = mia.visit("/?role=design&query=pears").links
    assert [name for name in found if name.startswith("Fault")] == ["Fault of pears"]


def test_a_column_pages(desk: Served, mia: Browser) -> None:
    for number in range(22):
        file_ticket(desk, title=f"Fault number {number:02}")
    first = mia.visit("/")
    second = mia.submit("More")
    shown = [{name for name in page.links if name.startswith("Fault")} for page in (first, second)]
    assert (len(shown[0]), len(shown[1]), shown[0] & shown[1]) == (20, 2, set())


def test_two_people_take_a_role_and_one_is_told_who_has_it(
    desk: Served, mia: Browser, bob: Browser
) -> None:
    name = file_ticket(desk)
    for browser in (mia, bob):
        browser.visit(f"/tickets/{name}")
    mia.submit("Take")
    page = bob.submit("Take")
    assert (page.response.status_code, "mia" in page.text) == (409, True)


def test_a_role_is_finished_with_a_note_that_the_next_one_reads(desk: Served, mia: Browser) -> None:
    name = file_ticket(desk, roles=["backend", "qa"])
    mia.visit(f"/tickets/{name}")
    mia.submit("Take")
    page = mia.submit("Save", "/changes", role_status="done", note="Try it with 101 items.")
    assert "Try it with 101 items." in page.text
    roles = {one["role"]: one["status"] for one in read_ticket(desk, name)["roles"]}
    assert roles["backend"] == "done"


def test_a_question_waits_until_it_is_answered(desk: Served, mia: Browser, bob: Browser) -> None:
    name = file_ticket(desk)
    mia.visit(f"/tickets/{name}")
    asked = mia.submit("Send", body="Which till?", to_role="backend")
    assert "waits for an answer" in asked.text
    bob.visit(f"/tickets/{name}")
    bob.submit("Answer", body="The second.")
    assert "waits for an answer" not in mia.visit(f"/tickets/{name}").text


def test_a_ticket_is_closed_with_the_reason(desk: Served, mia: Browser) -> None:
    name = file_ticket(desk)
    mia.visit(f"/tickets/{name}")
    page = mia.submit("Close", close_as="wont_fix", note="Nobody buys a hundred.")
    assert "Nobody buys a hundred." in page.text
    assert read_ticket(desk, name)["status"] == "closed"


@pytest.mark.parametrize("decision", ["Execute", "Decline"])
def test_a_suggestion_is_decided_in_the_inbox(desk: Served, mia: Browser, decision: str) -> None:
    name = file_ticket(desk)
    ci = bearer(make_token(desk.store, "ci", "bot"))
    suggested = desk.http.post(
        "/api/projects/shop/ai-suggestions",
        json={"ticket_id": name, "evidence": {"tests": "all passed"}},
        headers=ci,
    ).json()["suggestion"]
    page = mia.visit("/inbox")
    assert "all passed" in page.text
    assert "unproven" in page.text
    page = mia.submit(decision, reason="I looked at it.")
    assert page.response.url.path == "/inbox"
    assert "Nobody suggests to close anything" in page.text
    listed = desk.http.get("/api/projects/shop/ai-suggestions?status=any").json()["suggestions"]
    [settled] = [one for one in listed if one["id"] == suggested["id"]]
    assert settled["status"] == {"Execute": "executed", "Decline": "declined"}[decision]
    assert settled["reason"] == "I looked at it."


def test_a_reader_sees_a_ticket_and_no_way_to_change_it(desk: Served) -> None:
    name = file_ticket(desk)
    with Browser(desk) as rita:
        page = rita.sign_in(make_token(desk.store, "rita", "reader"), f"/tickets/{name}")
        assert {shown for form in page.forms for shown, *_ in form.buttons} == {"Sign out"}


def test_a_token_of_one_project_shows_no_other(desk: Served) -> None:
    desk.http.post("/api/projects", json={"name": "till"})
    file_ticket(desk, title="A secret of the shop")
    with Browser(desk) as tim:
        tim.sign_in(make_token(desk.store, "tim", "user", "till"))
        for address in ("/?project=shop", "/inbox?project=shop", "/tickets/HO-1-shop"):
            assert "A secret" not in tim.visit(address).text
        assert tim.visit("/tickets/HO-1-shop").response.status_code == 404


def test_an_address_without_a_page_says_so(mia: Browser) -> None:
    assert mia.visit("/tickets/HO-99-shop").response.status_code == 404


def test_a_server_that_only_reads_offers_no_change(desk: Served) -> None:
    name = file_ticket(desk)
    with (
        Served(desk.store, HANDOFF_READ_ONLY="1", HANDOFF_PROJECT="shop") as reading,
        Browser(reading) as browser,
    ):
        page = browser.sign_in(desk.token, f"/tickets/{name}")
        assert page.response.status_code == 200
        assert {shown for form in page.forms for shown, *_ in form.buttons} == {"Sign out"}


def test_who_holds_what_stands_on_the_board_and_with_everybodys_name(
    desk: Served, mia: Browser, bob: Browser
) -> None:
    name = file_ticket(desk, title="Checkout fails")
    mia.visit(f"/tickets/{name}")
    mia.submit("Take")
    assert "backend: mia (user)" in bob.visit("/").text
    page = bob.visit("/people")
    assert "mia (user)" in page.text
    assert page.links["Checkout fails"] == f"/tickets/{name}"
    assert "backend: mia (user)" in mia.visit("/inbox").text
