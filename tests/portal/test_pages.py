"""What people see and do on the pages, without a script."""

import httpx2
import pytest

from tests.http.served import Served, bearer, make_token
from tests.mcp.wire import TIMEOUT
from tests.portal.browser import Browser, Page
from tests.portal.scene import Scene


def test_a_ticket_is_filed_and_found_on_the_board(scene: Scene, mia: Browser) -> None:
    mia.visit("/new")
    page = mia.submit(
        "File it",
        title="Checkout fails at 100 items",
        description="It answers **500**.",
        roles=["backend", "qa"],
    )
    name = f"HO-1-{scene.project}"
    assert page.response.url.path == f"/tickets/{name}"
    assert ("strong", {}) in page.tags
    board = mia.visit("/")
    assert board.links["Checkout fails at 100 items"] == f"/tickets/{name}"
    filed = scene.read(name)
    assert (filed["actor_role"], filed["actor_id"], filed["source"]) == ("user", "mia", "portal")


def test_what_is_wrong_with_a_new_ticket_stands_at_its_field_and_nothing_is_lost(
    mia: Browser,
) -> None:
    mia.visit("/new")
    page = mia.submit("File it", title="Fail", description="It answers 500.", roles=["qa"])
    assert page.response.status_code == 400
    assert "must have at least 5 characters" in page.text
    [form] = [form for form in page.forms if form.action == "/tickets"]
    assert form.fields["description"] == "It answers 500."
    assert form.fields["roles"] == "qa"


def test_the_board_shows_each_stage_with_its_count_and_filters_by_its_address(
    scene: Scene, mia: Browser
) -> None:
    for fruit in ("apples", "pears", "plums"):
        scene.file(title=f"Fault of {fruit}", roles=["design"])
    scene.file(title="Something else", roles=["devops"])
    assert "backlog 4 " in words_of(mia.visit("/"))
    assert "backlog 3 " in words_of(mia.visit("/?role=design"))
    found = mia.visit("/?role=design&query=pears").links
    assert [name for name in found if name.startswith("Fault")] == ["Fault of pears"]


def test_a_column_pages(scene: Scene, mia: Browser) -> None:
    for number in range(22):
        scene.file(title=f"Fault number {number:02}")
    first = mia.visit("/")
    second = mia.submit("More")
    shown = [{name for name in page.links if name.startswith("Fault")} for page in (first, second)]
    assert (len(shown[0]), len(shown[1]), shown[0] & shown[1]) == (20, 2, set())


def test_two_people_take_a_role_and_one_is_told_who_has_it(
    scene: Scene, mia: Browser, bob: Browser
) -> None:
    name = scene.file()
    for browser in (mia, bob):
        browser.visit(f"/tickets/{name}")
    mia.submit("Take")
    page = bob.submit("Take")
    assert (page.response.status_code, "mia" in page.text) == (409, True)


def test_a_role_is_finished_with_a_note_that_the_next_one_reads(scene: Scene, mia: Browser) -> None:
    name = scene.file(roles=["backend", "qa"])
    mia.visit(f"/tickets/{name}")
    mia.submit("Take")
    page = mia.submit("Save", "/changes", role_status="done", note="Try it with 101 items.")
    assert "Try it with 101 items." in page.text
    roles = {one["role"]: one["status"] for one in scene.read(name)["roles"]}
    assert roles["backend"] == "done"


def test_a_question_waits_until_it_is_answered(scene: Scene, mia: Browser, bob: Browser) -> None:
    name = scene.file()
    mia.visit(f"/tickets/{name}")
    asked = mia.submit("Send", body="Which till?", to_role="backend")
    assert "waits for an answer" in asked.text
    bob.visit(f"/tickets/{name}")
    bob.submit("Answer", body="The second.")
    assert "waits for an answer" not in mia.visit(f"/tickets/{name}").text


def test_a_ticket_is_closed_with_the_reason(scene: Scene, mia: Browser) -> None:
    name = scene.file()
    mia.visit(f"/tickets/{name}")
    page = mia.submit("Close", close_as="wont_fix", note="Nobody buys a hundred.")
    assert "Nobody buys a hundred." in page.text
    assert scene.read(name)["status"] == "closed"


@pytest.mark.parametrize("decision", ["Execute", "Decline"])
def test_a_suggestion_is_decided_in_the_inbox(scene: Scene, mia: Browser, decision: str) -> None:
    name = scene.file()
    suggested = scene.suggest(name, tests="all passed")
    page = mia.visit("/inbox")
    assert "all passed" in page.text
    assert "unproven" in page.text
    page = mia.submit(decision, reason="I looked at it.")
    assert page.response.url.path == "/inbox"
    assert "Nobody suggests to close anything" in page.text
    listed = scene.send("mia", "GET", "/ai-suggestions?status=any")["suggestions"]
    [settled] = [one for one in listed if one["id"] == suggested]
    assert settled["status"] == {"Execute": "executed", "Decline": "declined"}[decision]
    assert settled["reason"] == "I looked at it."


@pytest.mark.parametrize("settled", ["HO-99", "HO-99-nowhere", "nonsense"])
def test_the_inbox_is_shown_whatever_it_is_to_say_of_a_ticket(mia: Browser, settled: str) -> None:
    page = mia.visit(f"/inbox?settled={settled}&project=")
    assert (page.response.status_code, page.response.url.path) == (200, "/inbox")
    assert "To approve" in page.text


def test_a_reader_sees_a_ticket_and_no_way_to_change_it(scene: Scene) -> None:
    name = scene.file()
    with Browser(scene.people.desk) as rita:
        page = rita.sign_in(scene.tokens["rita"], f"/tickets/{name}")
        assert buttons_of(page) == {"Sign out", "Set"}
        page = rita.visit(scene.board)
        assert not [form for form in page.forms if form.action == "/moves"]


def test_a_token_of_one_project_shows_no_other(scene: Scene) -> None:
    name = scene.file(title="A secret of the shop")
    other = scene.people.project()
    token = make_token(scene.people.desk.store, "tim", "user", other.project)
    with Browser(scene.people.desk) as tim:
        tim.sign_in(token)
        for address in (scene.board, f"/inbox?project={scene.project}", f"/tickets/{name}"):
            assert "A secret" not in tim.visit(address).text
        assert tim.visit(f"/tickets/{name}").response.status_code == 404
        assert tim.visit(f"/changes?project={scene.project}").response.status_code == 404


def test_an_address_without_a_page_says_so(mia: Browser) -> None:
    for address in ("/tickets/HO-99-shop", "/tickets/HO-1-shop/nothing", "/settings/nothing"):
        page = mia.visit(address)
        assert page.response.status_code == 404
        assert "That is not there" in page.text
        assert "/" in page.links.values()
    page = mia.visit("/moves")
    assert (page.response.status_code, page.response.headers["allow"]) == (405, "POST")
    assert "That is not there" in page.text


@pytest.mark.parametrize("address", ["/nosuch", "/docs", "/index.html"])
def test_a_browser_sees_a_page_where_there_is_nothing(scene: Scene, address: str) -> None:
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    desk = scene.people.desk
    for sent, status in ((bearer(scene.tokens["mia"]), 404), ({}, 401)):
        page = httpx2.get(f"{desk.url}{address}", headers={**sent, **html}, timeout=TIMEOUT)
        assert page.status_code == 404
        assert "<h1>That is not there</h1>" in page.text
        told = httpx2.get(f"{desk.url}{address}", headers=sent, timeout=TIMEOUT)
        assert (told.status_code, told.headers["content-type"]) == (status, "application/json")


@pytest.mark.parametrize("page", ["/", "/inbox", "/new", "/activity", "/people"])
def test_a_project_that_is_not_there_is_not_shown_as_if_it_were(mia: Browser, page: str) -> None:
    shown = mia.visit(f"{page}?project=nope")
    assert shown.response.status_code == 404
    assert "Project nope is not here; there" in shown.text


def test_a_choice_of_a_project_that_is_not_there_is_forgotten(scene: Scene) -> None:
    other = scene.people.project()
    token = make_token(scene.people.desk.store, f"tim-{other.project}", "user", other.project)
    with Browser(scene.people.desk) as browser:
        browser.sign_in(scene.tokens["mia"], scene.board)
        browser.submit("Sign out")
        browser.sign_in(token)
        assert f"Board of {other.project}" in browser.visit("/").text


def test_what_was_decided_in_the_inbox_is_told_with_its_ticket(mia: Browser, scene: Scene) -> None:
    scene.people.project()
    for action, told in (("execute", "was executed. It is closed."), ("decline", "was declined.")):
        name = scene.file(title=f"To {action}")
        scene.suggest(name, tests="214 passed")
        mia.visit(f"/inbox?project={scene.project}")
        page = mia.submit(action.capitalize(), reason="It was looked at.")
        assert told in page.text
        assert f"/tickets/{name}" in page.links.values()


def test_history_says_from_which_stage_to_which_an_executed_suggestion_moved(
    mia: Browser, scene: Scene
) -> None:
    name = scene.file()
    scene.suggest(name, tests="214 passed")
    mia.visit(f"/tickets/{name}")
    mia.submit("Execute")
    page = mia.visit(f"/activity?project={scene.project}")
    assert "stage backlog → live" in page.text
    assert "→ ;" not in page.text


def test_what_somebody_may_not_see_says_so(mia: Browser) -> None:
    page = mia.visit("/settings")
    assert page.response.status_code == 403
    assert "That is not allowed" in page.text


def test_a_server_that_only_reads_offers_no_change(scene: Scene) -> None:
    name = scene.file()
    with (
        Served(scene.people.desk.store, HANDOFF_READ_ONLY="1") as reading,
        Browser(reading) as browser,
    ):
        page = browser.sign_in(scene.people.desk.token, f"/tickets/{name}")
        assert page.response.status_code == 200
        assert buttons_of(page) == {"Sign out", "Set"}


def test_who_holds_what_stands_on_the_board_and_with_everybodys_name(
    scene: Scene, mia: Browser, bob: Browser
) -> None:
    name = scene.file()
    mia.visit(f"/tickets/{name}")
    mia.submit("Take")
    assert "backend: mia (user)" in bob.visit("/").text
    page = bob.visit("/people")
    assert "mia (user)" in page.text
    assert page.links["Checkout fails"] == f"/tickets/{name}"
    assert "backend: mia (user)" in mia.visit("/inbox").text


def test_a_card_shows_what_blocks_it_and_how_its_build_goes(scene: Scene, mia: Browser) -> None:
    first, second = scene.file(), scene.file(title="Invoices fail")
    scene.send("mia", "PATCH", f"/tickets/{second}", blocked_by=[first])
    scene.send("claude", "POST", f"/tickets/{second}/trigger-bot-build")
    text = words_of(mia.visit("/?blocked=true"))
    assert f"blocked by {first}" in text
    assert "build queued" in text
    assert "Checkout fails" not in text


def test_a_card_is_moved_by_its_menu_unless_it_changed_since(
    scene: Scene, mia: Browser, bob: Browser
) -> None:
    name = scene.file()
    for browser in (mia, bob):
        browser.visit("/")
    page = mia.press_move(name, "up_next")
    assert (page.response.url.path, scene.read(name)["stage"]) == ("/", "up_next")
    page = bob.press_move(name, "validation")
    assert (page.response.status_code, "was changed" in page.text) == (409, True)
    assert scene.read(name)["stage"] == "up_next"


def test_a_ticket_is_edited_blocked_and_reopened(scene: Scene, mia: Browser) -> None:
    blocker, name = scene.file(), scene.file(title="Invoices fail")
    mia.visit(f"/tickets/{name}")
    mia.submit("Save", "/changes", title="Invoices fail on Sundays", description="They do fail.")
    mia.submit("Save", "/changes", blocked_by=f"{blocker}, ", priority="high")
    read = scene.read(name)
    assert (read["title"], read["priority"]) == ("Invoices fail on Sundays", "high")
    assert mia.page.links[f"{blocker}"] == f"/tickets/{blocker}"
    mia.submit("Close", close_as="cancelled", note="Nobody buys on Sundays.")
    mia.submit("Reopen", note="They do.")
    assert scene.read(name)["status"] == "open"


def test_colours_are_chosen_for_this_browser(mia: Browser) -> None:
    mia.visit("/inbox")
    page = mia.submit("Set", theme="dark")
    assert page.response.url.path == "/inbox"
    assert ("html", {"lang": "en", "data-theme": "dark"}) in page.tags


def buttons_of(page: Page) -> set[str]:
    return {shown for form in page.forms if form.method == "post" for shown, *_ in form.buttons}


def words_of(page: Page) -> str:
    return " ".join(page.text.split())
