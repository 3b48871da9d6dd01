"""The portal of a server that keeps nothing itself: its tickets are another server's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.served import Served
from tests.portal.browser import Browser
from tests.portal.scene import People, Scene

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def played(people: People) -> tuple[Scene, list[str]]:
    """A project after a day's work, and its tickets."""
    scene = people.project("till")
    return scene, scene.play()


@pytest.fixture(scope="module")
def somebody(people: People, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Whoever sits at a machine whose server works on the API of the people's desk."""
    settings = {
        "HANDOFF_BACKEND": f"{people.desk.url}/api",
        "HANDOFF_API_TOKEN": people.tokens["mia"],
        "HANDOFF_PROJECT": "till",
    }
    nothing: Path = tmp_path_factory.mktemp("nothing") / "unused.db"
    with Served(nothing, **settings) as served, Browser(served) as browser:
        yield browser


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/", "Checkout answers 500"),
        ("/inbox", "214 passed"),
        ("/new", "New ticket"),
        ("/builds", "queued"),
        ("/people", "Nobody"),
        ("/tickets/HO-1-till", "too many SQL variables"),
        ("/new/similar?title=Checkout", ""),
    ],
)
def test_its_pages_show_what_the_api_tells(
    played: tuple[Scene, list[str]], somebody: Browser, address: str, words: str
) -> None:
    page = somebody.visit(address)
    assert page.response.status_code == 200
    assert words in page.text
    assert "Settings" not in page.links


def test_a_ticket_is_worked_on(played: tuple[Scene, list[str]], somebody: Browser) -> None:
    scene, [_, delivery, *_] = played
    somebody.visit(f"/tickets/{delivery}")
    somebody.submit("Send", body="The carriers tell it by noon.")
    assert "The carriers tell it by noon." in somebody.page.text
    somebody.visit("/")
    page = somebody.press_move("HO-3-till", "up_next")
    assert page.response.status_code == 200
    assert scene.read("HO-3-till")["stage"] == "up_next"
