"""What a board costs: how much is sent for it, and how many tickets it bears."""

import asyncio
import re
from collections.abc import Iterator, Mapping

import pytest

from mcp_handoff.actors import Caller, bot
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.workflow import STAGES
from tests.databases import in_store
from tests.portal.browser import Browser
from tests.portal.scene import People, Scene
from tests.requests import create_ticket, update_ticket

pytestmark = pytest.mark.proof

FIRST_PAGE = 60_000
"""How many bytes a first visit takes, of which the style and the script half."""

MANY = 5_000
AT_ONCE = 250


@pytest.fixture
def mia(scene: Scene) -> Iterator[Browser]:
    """A user whose browser takes pages compressed, as every one does."""
    with Browser(scene.people.desk) as browser:
        browser.http.headers["Accept-Encoding"] = "gzip"
        browser.sign_in(scene.tokens["mia"])
        yield browser


def fill(people: People, project: str, number: int) -> None:
    """File tickets in the store itself, a few in each stage but the first and all others there."""

    async def file(store: StoreBackend) -> None:
        caller = Caller(bot("claude"), project=project)

        async def one(place: int) -> None:
            title = f"Fault {place:04} of the checkout with {place * 7919 % number} apples"
            filed = await store.create_ticket(
                caller, create_ticket(title=title, roles=["backend", "qa", "frontend"])
            )
            stage = STAGES[place % 5] if place < 100 else "backlog"
            change = (
                {"close_as": "cancelled", "note": "No."} if stage == "live" else {"stage": stage}
            )
            if stage != "backlog":
                change = {"ticket": filed.ticket.name, **change}
                await store.update_ticket(caller, update_ticket(**change))

        for begun in range(0, number, AT_ONCE):
            await asyncio.gather(*map(one, range(begun, min(begun + AT_ONCE, number))))

    in_store(people.desk.store, file)


def test_a_first_visit_to_a_board_of_a_hundred_cards_takes_few_bytes(
    scene: Scene, mia: Browser
) -> None:
    fill(scene.people, scene.project, 100)
    page = mia.visit(scene.board)
    assert page.response.text.count("<article") == 100
    html = page.response.num_bytes_downloaded
    files = [named.get("src") or named["href"] for tag, named in page.tags if of_ours(tag, named)]
    assert len(files) == 2
    sizes = [mia.http.get(file).num_bytes_downloaded for file in files]
    assert sum(sizes) < FIRST_PAGE / 2, sizes
    assert html + sum(sizes) < FIRST_PAGE, (html, sizes)


def test_a_board_of_many_tickets_pages_through_them(scene: Scene, mia: Browser) -> None:
    fill(scene.people, scene.project, MANY)
    page = mia.visit(scene.board)
    assert re.search(r"backlog\s+over 1000", page.text)
    shown = set[str]()
    for _ in range(4):
        shown |= cards_of(page.response.text)
        page = mia.submit("More")
    shown |= cards_of(page.response.text)
    assert len(shown) == 4 * 20 + 5 * 20
    assert cards_of(mia.visit(f"{scene.board}&query=4999").response.text)


def of_ours(tag: str, named: Mapping[str, str]) -> bool:
    return tag == "script" or named.get("rel") == "stylesheet"


def cards_of(html: str) -> set[str]:
    return set(re.findall(r'id="card-([^"]+)"', html))
