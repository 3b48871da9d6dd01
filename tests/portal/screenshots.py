"""What `make screenshots` makes: pictures of the pages, of a shop's desk on a working day."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.chromium import launched, opened
from tests.portal.scene import People, Scene

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}


def sign_in(page: Page, token: str, address: str = "/") -> None:
    """Go to a page, by way of signing in with a token."""
    page.goto(address)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def take_pictures(browser: Browser, scene: Scene, names: list[str]) -> None:
    pages = {
        "board": scene.board,
        "inbox": "/inbox",
        "ticket": f"/tickets/{names[0]}",
        "people": "/people",
    }
    for theme in ("light", "dark"):
        with opened(browser, scene.url, viewport=DESKTOP, color_scheme=theme) as page:
            sign_in(page, scene.tokens["mia"], scene.board)
            for name, address in pages.items():
                page.goto(address)
                page.screenshot(path=FOLDER / f"{name}-{theme}.png")
    with opened(browser, scene.url, viewport=PHONE) as page:
        sign_in(page, scene.tokens["mia"], scene.board)
        page.screenshot(path=FOLDER / "board-phone.png")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        People.at(Path(folder) / "handoff.db") as people,
        launched() as browser,
    ):
        scene = people.project("shop")
        take_pictures(browser, scene, scene.play())


if __name__ == "__main__":
    main()
