"""Portals, and who uses them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.served import Served, make_project, make_token
from tests.portal.browser import Browser
from tests.portal.scene import People, Scene


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A desk with people and bots, which the tests of a file share."""
    with People.at(tmp_path_factory.mktemp("desk") / "handoff.db") as people:
        yield people


@pytest.fixture
def scene(people: People) -> Scene:
    """A project of its own at that desk."""
    return people.project()


@pytest.fixture
def mia(scene: Scene) -> Iterator[Browser]:
    """A user who is signed in and looks at the project."""
    with Browser(scene.people.desk) as browser:
        browser.sign_in(scene.tokens["mia"], scene.board)
        yield browser


@pytest.fixture
def bob(scene: Scene) -> Iterator[Browser]:
    """Another one."""
    with Browser(scene.people.desk) as browser:
        browser.sign_in(scene.tokens["bob"], scene.board)
        yield browser


@pytest.fixture
def desk(store: Path) -> Iterator[Served]:
    """A server of a test's own, of project shop, that asks for tokens; its client is an admin's."""
    token = make_token(store, "root", "admin")
    make_project(store, "shop")
    with Served(store, token=token, HANDOFF_PROJECT="shop") as running:
        yield running
