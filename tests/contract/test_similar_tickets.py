"""Which open tickets are named to whoever files one that looks like them."""

import asyncio
import threading

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import NotFound
from mcp_handoff.similarity import FindSimilar
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import CreateTicket, SimilarTicket
from tests import requests
from tests.contract.labelled import FILED, NEW

RECALL, PRECISION = 0.95, 0.9
"""What is promised of the labelled tickets: how many of those that repeat one name it, and how many
of those that are named are the one that is repeated."""


of_our_own = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
"""For what is looked for in a store without filing anything."""


@pytest.fixture(autouse=True)
async def board(backend: Backend, caller: Caller) -> None:
    for title, description in FILED.values():
        filed = requests.create_ticket(title=title, description=description)
        await backend.create_ticket(caller, filed)


@of_our_own
async def test_a_ticket_that_repeats_another_names_it_and_hardly_ever_a_wrong_one(
    backend: StoreBackend, caller: Caller
) -> None:
    named, right = 0, 0
    repeating = [repeated for _, _, repeated in NEW if repeated]
    for title, description, repeated in NEW:
        # Looked for without filing them, or the ones before would be found as well.
        request = requests.create_ticket(title=title, description=description)
        found = await looked_for(backend, caller, request)
        named += len(found)
        right += repeated is not None and FILED[repeated][0] in found
    assert right / len(repeating) >= RECALL
    assert right / named >= PRECISION


async def test_at_most_three_open_tickets_of_the_project_are_named_the_most_alike_first(
    backend: Backend, caller: Caller
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


@of_our_own
async def test_a_closed_ticket_is_not_named(backend: StoreBackend, caller: Caller) -> None:
    title, description = FILED["cart-limit"]
    suggested = await backend.suggest_close(caller, requests.suggest_close(1))
    request = requests.create_ticket(title=title, description=description)
    assert await looked_for(backend, caller, request) == [title]
    await backend.act_on_suggestion(caller, requests.execute(suggested.suggestion.id))
    assert await looked_for(backend, caller, request) == []


@pytest.mark.parametrize("kind", ["sqlite"])  # PostgreSQL's connections are not kept apart
async def test_a_ticket_and_those_like_it_do_not_wait_for_what_others_read(
    backend: StoreBackend, caller: Caller
) -> None:
    over = threading.Event()
    reads = [asyncio.create_task(backend.database.read(lambda _: over.wait(5))) for _ in range(20)]
    assert await similar(backend, caller, FILED["login-lock"][0]) != []
    over.set()
    assert all(await asyncio.gather(*reads))


@of_our_own
async def test_a_project_that_is_not_there_is_not_looked_through(
    backend: StoreBackend, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(NotFound):
        await backend.create_ticket(caller, requests.create_ticket(project="nowhere"))
    assert caplog.messages == []


async def looked_for(backend: StoreBackend, caller: Caller, request: CreateTicket) -> list[str]:
    """Return the titles of the tickets that look like one, without filing it."""
    asked = FindSimilar(title=request.title, description=request.description)
    return [one.title for one in (await backend.find_similar(caller, asked)).tickets]


async def similar(
    backend: Backend, caller: Caller, title: str, *, key: str | None = None
) -> list[SimilarTicket]:
    request = requests.create_ticket(title=title, idempotency_key=key)
    return (await backend.create_ticket(caller, request)).similar
