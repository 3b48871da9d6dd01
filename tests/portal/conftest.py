"""Portals, and who uses them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.served import Served, make_project, make_token
from tests.portal.browser import Browser


@pytest.fixture
def desk(store: Path) -> Iterator[Served]:
    """A server of project shop that asks for tokens; its client is an admin's."""
    token = make_token(store, "root", "admin")
    make_project(store, "shop")
    with Served(store, token=token, HANDOFF_PROJECT="shop") as running:
        yield running


@pytest.fixture
def mia(desk: Served) -> Iterator[Browser]:
    """A user who is signed in."""
    with Browser(desk) as browser:
        browser.sign_in(make_token(desk.store, "mia", "user"))
        yield browser


@pytest.fixture
def bob(desk: Served) -> Iterator[Browser]:
    """Another one."""
    with Browser(desk) as browser:
        browser.sign_in(make_token(desk.store, "bob", "user"))
        yield browser
