"""What is written through one backend is read through the other, in every word."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.builds import GetBuild
from mcp_handoff.projects import ListProjects
from mcp_handoff.schema import Record
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.clock import SteppedClock
from tests.contract.api import ApiProcess, ByToken


@pytest.fixture(params=["sqlite then api", "api then sqlite"])
async def both(
    request: pytest.FixtureRequest, api_process: ApiProcess, store: Path
) -> AsyncIterator[tuple[Backend, Backend]]:
    """Who writes, and who reads, on one store."""
    remote = cast(Backend, ByToken(api_process, store))
    local = StoreBackend(SqliteDatabase.open(store, clock=SteppedClock()))
    yield (local, remote) if request.param == "sqlite then api" else (remote, local)
    await remote.close()
    await local.close()


async def told(backend: Backend, caller: Caller, build: str) -> list[Record]:
    """Return what a backend tells of everything."""
    return [
        await backend.get_ticket(caller, requests.get_ticket(1)),
        await backend.get_ticket(caller, requests.get_ticket("HO-2-shop")),
        await backend.find_tickets(caller, requests.find_tickets(status="any")),
        await backend.find_tickets(caller, requests.find_tickets(query="100 items", limit=1)),
        await backend.find_tickets(caller, requests.find_tickets(slim=True)),
        await backend.list_suggestions(caller, requests.list_suggestions(status="any")),
        await backend.find_builds(caller, requests.find_builds(ticket=1)),
        await backend.get_build(caller, GetBuild(build_id=build)),
        await backend.list_projects(caller, ListProjects()),
    ]


async def test_what_one_wrote_the_other_reads_word_for_word(
    both: tuple[Backend, Backend], caller: Caller
) -> None:
    writer, reader = both
    wide = {"evidence": {"a": [1, None, {"ß": 2.5}], "": True}, "suggested_resolution": "Lift it."}
    await writer.create_ticket(caller, requests.create_ticket(roles=["qa", "backend"], **wide))
    await writer.create_ticket(caller, requests.create_ticket(title="Émile's café 🛒 is closed"))
    triggered = await writer.trigger_bot_build(caller, requests.trigger_bot_build(1, repo="a/b"))
    build = triggered.ticket.ai_output["build_run"]["build_id"]
    await writer.update_build(caller, requests.update_build(build, metadata={"pr": None}))
    for ticket in (1, 2):
        made = await writer.suggest_close(caller, requests.suggest_close(ticket, confidence=0.5))
        await writer.act_on_suggestion(caller, requests.execute(made.suggestion.id, reason="So."))
    await writer.suggest_close(caller, requests.suggest_close(1, merge_sha="9f2c1e7"))
    assert await told(reader, caller, build) == await told(writer, caller, build)
