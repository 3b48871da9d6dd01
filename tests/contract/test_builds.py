import json
from hashlib import sha256
from typing import Any

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.builds import CreateBuild, GetBuild
from mcp_handoff.errors import IdempotencyKeyReused
from mcp_handoff.receivers import NOBODY
from mcp_handoff.store.transaction import Database
from tests import requests
from tests.clock import SteppedClock
from tests.replays import replay_of

NO_BUILD = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"


async def test_triggering_registers_a_queued_build_for_the_ticket(
    backend: Backend, caller: Caller, build: str
) -> None:
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    registered = detail.builds[0]
    run = (detail.ticket.ai_output or {})["build_run"]
    assert (registered.id, registered.status, registered.provider) == (build, "queued", "docker")
    assert (registered.source_type, registered.source_id) == ("ticket", detail.ticket.id)
    assert registered.build_ref == run["id"]
    assert registered.principal_id == detail.ticket.principal_id is not None
    assert run == {
        "id": run["id"],
        "build_id": build,
        "status": "queued",
        "provider": "docker",
        "repo": "acme/shop",
        "requested_by": "agent-1",
        "principal_id": detail.ticket.principal_id,
        "principal_name": detail.ticket.principal_name,
        "requested_at": "2026-11-02T09:30:00.000Z",
        "dispatched_at": None,
        "attempts": 0,
        "next_attempt_at": None,
        "last_error": NOBODY,
        "url": None,
    }


async def test_triggering_fills_the_outbox_once_with_ids_and_no_description(
    backend: Backend, caller: Caller, build: str, database: Database
) -> None:
    await backend.trigger_bot_build(caller, requests.trigger_bot_build(1))
    rows = await database.read(lambda tx: tx.fetch_all("SELECT id, payload FROM outbox"))
    assert len(rows) == 1
    assert build in rows[0]["payload"]
    assert "HO-1-shop" in rows[0]["payload"]
    assert "100th item" not in rows[0]["payload"]


async def test_a_key_makes_a_second_trigger_the_first(backend: Backend, caller: Caller) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    keyed = requests.trigger_bot_build(1, idempotency_key="k")
    first = await backend.trigger_bot_build(caller, keyed)
    assert await backend.trigger_bot_build(caller, keyed) == replay_of(first)


async def test_a_trigger_while_a_build_is_under_way_gets_that_and_is_told_so(
    backend: Backend, caller: Caller, build: str
) -> None:
    asked = requests.trigger_bot_build(1, repo="acme/other", idempotency_key="k")
    again = await backend.trigger_bot_build(caller, asked)
    run = again.ticket.ai_output["build_run"]
    assert (again.already, run["build_id"], run["repo"]) == (True, build, "acme/shop")
    assert await backend.trigger_bot_build(caller, asked) == replay_of(again)
    started = await backend.trigger_bot_build(caller, requests.trigger_bot_build(1, replaces=build))
    assert not started.already


async def test_a_build_tells_what_went_wrong_and_whether_it_is_offered_wherever_it_is_shown(
    backend: Backend, caller: Caller, build: str
) -> None:
    await backend.update_build(caller, requests.update_build(build, is_active=False))
    await backend.trigger_bot_build(caller, requests.trigger_bot_build(1, replaces=build))
    listed = (await backend.find_builds(caller, requests.find_builds(ticket=1))).items[1]
    shown = (await backend.get_ticket(caller, requests.get_ticket(1))).builds[1]
    why = "Given up by agent-1 for a new one."
    for told in (listed, shown, await backend.get_build(caller, GetBuild(build_id=build))):
        assert (told.id, told.is_active, told.error_message) == (build, False, why)
        assert told.run is not None
        assert (told.run.repo, told.run.url, told.run.last_error) == ("acme/shop", None, why)
    waiting = (await backend.find_builds(caller, requests.find_builds(status="queued"))).items[0]
    assert waiting.run is not None
    assert waiting.run.last_error == NOBODY


async def test_a_build_under_way_is_given_up_for_a_new_one_where_that_is_said_of_it(
    backend: Backend, caller: Caller, build: str
) -> None:
    other = await backend.trigger_bot_build(
        caller, requests.trigger_bot_build(1, replaces=NO_BUILD)
    )
    assert other.ticket.ai_output["build_run"]["build_id"] == build
    replacing = requests.trigger_bot_build(1, repo="acme/other", replaces=build)
    first = (await backend.trigger_bot_build(caller, replacing)).ticket.ai_output["build_run"]
    again = (await backend.trigger_bot_build(caller, replacing)).ticket.ai_output["build_run"]
    assert first == again
    assert (first["build_id"] != build, first["repo"]) == (True, "acme/other")
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    assert [one.id for one in detail.builds] == [first["build_id"], build]
    given_up = detail.builds[1]
    why = "Given up by agent-1 for a new one."
    assert (given_up.status, given_up.error_message) == ("failed", why)
    assert given_up.run is not None
    assert (given_up.run.status, given_up.run.last_error) == ("failed", why)
    kinds = [event.kind for event in detail.events]
    assert kinds[:3] == ["build.triggered", "build.failed", "build.triggered"]


async def test_an_update_changes_what_was_given_and_the_time(
    backend: Backend, caller: Caller, build: str, clock: SteppedClock
) -> None:
    clock.advance(seconds=1)
    updated = await backend.update_build(
        caller, requests.update_build(build, display_name="Nightly", metadata={"pr": 7})
    )
    assert (updated.display_name, updated.metadata) == ("Nightly", {"pr": 7})
    assert updated.updated_at == "2026-11-02T09:30:01.000Z"
    read = await backend.get_build(caller, GetBuild(build_id=build))
    assert read.model_dump() == updated.model_dump(exclude={"masked"})


async def test_a_key_makes_a_second_update_the_first(
    backend: Backend, caller: Caller, build: str
) -> None:
    keyed = requests.update_build(build, description="One", idempotency_key="k")
    first = await backend.update_build(caller, keyed)
    await backend.update_build(caller, requests.update_build(build, description="Two"))
    assert await backend.update_build(caller, keyed) == replay_of(first)
    assert (await backend.get_build(caller, GetBuild(build_id=build))).description == "Two"


async def test_under_a_key_what_is_absent_is_not_what_is_null(
    backend: Backend, caller: Caller, build: str
) -> None:
    await backend.update_build(caller, requests.update_build(build, idempotency_key="k"))
    clear = requests.update_build(build, description=None, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        await backend.update_build(caller, clear)


async def test_a_key_makes_a_second_registration_the_first(
    backend: Backend, caller: Caller
) -> None:
    request = CreateBuild(
        org="default", build_ref="sha256:1", display_name="1", provider="ci", idempotency_key="k"
    )
    first = await backend.create_build(caller, request)
    assert await backend.create_build(caller, request) == replay_of(first)
    found = await backend.find_builds(caller, requests.find_builds())
    assert [item.id for item in found.items] == [first.id]


async def test_an_update_leaves_a_line_of_history_on_the_ticket(
    backend: Backend, caller: Caller, build: str
) -> None:
    await backend.update_build(caller, requests.update_build(build, is_active=False))
    event = (await backend.get_ticket(caller, requests.get_ticket(1))).events[0]
    assert (event.kind, event.before, event.after) == (
        "build.updated",
        {"is_active": True},
        {"is_active": False},
    )


async def test_history_keeps_of_what_is_long_its_length_and_digest(
    backend: Backend, caller: Caller, build: str
) -> None:
    metadata = {"log": "x" * 60_000}
    for change in ({"metadata": metadata, "is_active": False}, {"metadata": None}):
        await backend.update_build(caller, requests.update_build(build, **change))
    whole = json.dumps(metadata)
    kept = {"length": len(whole), "sha256": sha256(whole.encode()).hexdigest()}
    newest, older = (await backend.get_ticket(caller, requests.get_ticket(1))).events[:2]
    assert (newest.before, newest.after) == ({"metadata": kept}, {"metadata": None})
    assert older.after == {"metadata": kept, "is_active": False}


async def test_builds_are_found_by_ticket_and_status(
    backend: Backend, caller: Caller, build: str
) -> None:
    for wanted in ({}, {"ticket": 1}, {"status": "queued"}, {"ticket": "HO-1-shop"}):
        found = await backend.find_builds(caller, requests.find_builds(**wanted))
        assert [item.id for item in found.items] == [build]
    assert (await backend.find_builds(caller, requests.find_builds(status="ready"))).items == []


async def test_builds_of_which_nothing_was_heard_since_an_instant_are_found(
    backend: Backend, caller: Caller, clock: SteppedClock, build: str
) -> None:
    async def silent(since: str, **wanted: Any) -> list[str]:
        asked = requests.find_builds(silent_since=since, **wanted)
        return [item.id for item in (await backend.find_builds(caller, asked)).items]

    began = (await backend.get_build(caller, GetBuild(build_id=build))).updated_at
    clock.advance(hours=2)
    await backend.create_ticket(caller, requests.create_ticket(title="Another fault"))
    triggered = await backend.trigger_bot_build(caller, requests.trigger_bot_build(2))
    later = triggered.ticket.ai_output["build_run"]["build_id"]
    now = (await backend.get_build(caller, GetBuild(build_id=later))).updated_at
    assert await silent(began) == []
    assert await silent(now) == [build]
    assert await silent(now, status="queued", ticket=1) == [build]
    assert await silent(now, status="building") == []
    assert await silent("2101-01-01") == [later, build]

    # Whatever is reported is heard, also what was known.
    for _ in range(2):
        await backend.report_build(caller, requests.report_build("running", build_id=build))
        assert await silent(now) == []
        clock.advance(hours=2)
    await backend.report_build(caller, requests.report_build("failed", build_id=build))
    assert await silent("2101-01-01") == [later]
    hidden = requests.update_build(later, is_active=False)
    await backend.update_build(caller, hidden)
    assert await silent("2101-01-01") == []


async def test_before_the_first_use_everything_is_empty(backend: Backend, caller: Caller) -> None:
    assert (await backend.find_tickets(caller, requests.find_tickets())).tickets == []
    assert (await backend.find_builds(caller, requests.find_builds())).items == []
    assert (await backend.list_suggestions(caller, requests.list_suggestions())).total == 0
