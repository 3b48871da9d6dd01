"""Which open tickets are named to whoever files one that looks like them."""

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.store import projects
from mcp_handoff.store.similar_tickets import similar_tickets
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.tickets import CreateTicket, SimilarTicket
from tests import requests
from tests.contract.labelled import FILED, NEW

RECALL, PRECISION = 0.95, 0.9
"""What is promised of the labelled tickets: how many of those that repeat one name it, and how many
of those that are named are the one that is repeated."""


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """The stores of our own: the documented body of a created ticket has no place for others."""
    return request.param


@pytest.fixture(autouse=True)
async def board(backend: Backend, caller: Caller) -> None:
    for title, description in FILED.values():
        filed = requests.create_ticket(title=title, description=description)
        await backend.create_ticket(caller, filed)


async def test_a_ticket_that_repeats_another_names_it_and_hardly_ever_a_wrong_one(
    backend: StoreBackend, caller: Caller
) -> None:
    named, right = 0, 0
    repeating = [repeated for _, _, repeated in NEW if repeated]
    for title, description, repeated in NEW:
        # Looked for without filing them, or the ones before would be found as well.
        request = requests.create_ticket(title=title, description=description)
        found = await backend.database.read(lambda tx, new=request: look(tx, caller.project, new))
        named += len(found)
        right += repeated is not None and FILED[repeated][0] in found
    assert right / len(repeating) >= RECALL
    assert right / named >= PRECISION


def look(tx: Transaction, slug: str, request: CreateTicket) -> list[str]:
    project = projects.find(tx, slug)
    assert project is not None
    return [one.title for one in similar_tickets(tx, project, request)]


async def test_at_most_three_open_tickets_of_the_project_are_named_the_most_alike_first(
    backend: StoreBackend, caller: Caller
) -> None:
    title = FILED["login-lock"][0]
    app = Caller(caller.actor, project="app")
    assert await similar(backend, app, title) == []
    for ending in ("", " today", " today at noon", " today at noon again"):
        await similar(backend, caller, title + ending)
    named = await similar(backend, caller, title + " today", key="k")
    assert [one.title for one in named] == [title + " today", title + " today at noon", title]
    assert named[0].reference == f"HO-{len(FILED) + 2}-shop"
    assert named[0].stage == "backlog"
    assert await similar(backend, caller, title + " today", key="k") == named


async def test_a_closed_ticket_is_not_named(backend: StoreBackend, caller: Caller) -> None:
    title, description = FILED["cart-limit"]
    suggested = await backend.suggest_close(caller, requests.suggest_close(1))
    request = requests.create_ticket(title=title, description=description)
    assert await backend.database.read(lambda tx: look(tx, "shop", request)) == [title]
    await backend.act_on_suggestion(caller, requests.execute(suggested.suggestion.id))
    assert await backend.database.read(lambda tx: look(tx, "shop", request)) == []


async def similar(
    backend: StoreBackend, caller: Caller, title: str, *, key: str | None = None
) -> list[SimilarTicket]:
    request = requests.create_ticket(title=title, idempotency_key=key)
    return (await backend.create_ticket(caller, request)).similar
