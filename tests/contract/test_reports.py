"""Builds are reported on, by their ids and by the tickets that they were made for."""

from dataclasses import replace
from typing import Any

import anyio
import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.builds import Build, CreateBuild, GetBuild, ReportedBuild
from mcp_handoff.errors import IdempotencyKeyReused, NotFound, Unsupported, ValidationFailed
from mcp_handoff.principals import Principal
from tests import requests
from tests.clock import SteppedClock
from tests.contract.test_builds import NO_BUILD
from tests.replays import replay_of

stores_alone = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
"""An API takes no report by ticket."""

ELSEWHERE = {"ticket": "HO-1-shop", "build_ref": "actions-88", "provider": "github"}
"""A build that was made elsewhere for ticket 1."""


async def seen(backend: Backend, caller: Caller) -> tuple[Build, dict[str, Any], list[str]]:
    """Return the newest build of ticket 1, the run that the ticket shows, and what happened."""
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    run = (detail.ticket.ai_output or {}).get("build_run", {})
    return detail.builds[0], run, [event.kind for event in detail.events]


async def test_a_report_takes_the_build_its_run_and_the_ticket_further_together(
    backend: Backend, caller: Caller, build: str, clock: SteppedClock
) -> None:
    clock.advance(seconds=1)
    running = await backend.report_build(caller, requests.report_build("running", build_id=build))
    assert (running.status, running.registered, running.already) == ("building", False, False)
    told = {"build_ref": "img@sha256:9f2c", "url": "https://ci.example/7"}
    report = requests.report_build("succeeded", build_id=build, **told)
    done = await backend.report_build(caller, report)
    assert (done.id, done.status, done.build_ref, done.url) == (build, "ready", *told.values())
    shown, run, kinds = await seen(backend, caller)
    assert done.model_dump(include={*Build.model_fields}) == shown.model_dump()
    assert shown.run is not None
    assert run == shown.run.model_dump()
    assert (run["status"], run["url"], run["last_error"]) == ("succeeded", told["url"], None)
    assert kinds[:2] == ["build.succeeded", "build.running"]
    assert done.updated_at == "2026-11-02T09:30:01.000Z"


async def test_a_report_of_a_failure_says_why_with_secrets_masked(
    backend: Backend, caller: Caller, build: str
) -> None:
    why = f"No such image; {'ghp_' + 'a1B2' * 9}"
    report = requests.report_build("failed", build_id=build, error_message=why)
    failed = await backend.report_build(caller, report)
    assert (failed.status, failed.masked) == ("failed", ["error_message"])
    assert failed.error_message == "No such image; [masked: GitHub token]"
    assert (await seen(backend, caller))[1]["status"] == "failed"


async def test_late_and_repeated_reports_succeed_and_change_nothing(
    backend: Backend, caller: Caller, build: str
) -> None:
    first = await backend.report_build(caller, requests.report_build("succeeded", build_id=build))
    for status in ("succeeded", "running", "failed"):
        late = requests.report_build(status, build_id=build, url="https://ci.example/late")
        assert await backend.report_build(caller, late) == _already(first)
    assert (await seen(backend, caller))[2].count("build.succeeded") == 1


async def test_a_build_without_a_run_is_final_once_it_is_ready(
    backend: Backend, caller: Caller
) -> None:
    made = await backend.create_build(
        caller, CreateBuild(org="default", build_ref="1", display_name="1", provider="ci")
    )
    report = requests.report_build("failed", build_id=made.id, error_message="Too late.")
    reported = await backend.report_build(caller, report)
    assert (reported.status, reported.already) == ("ready", True)
    read = await backend.get_build(caller, GetBuild(build_id=made.id))
    assert read.model_dump() == made.model_dump(include={*Build.model_fields})


async def test_a_key_makes_a_second_report_the_first(
    backend: Backend, caller: Caller, build: str
) -> None:
    keyed = requests.report_build("running", build_id=build, idempotency_key="k")
    first = await backend.report_build(caller, keyed)
    await backend.report_build(caller, requests.report_build("succeeded", build_id=build))
    assert await backend.report_build(caller, keyed) == replay_of(first)
    with pytest.raises(IdempotencyKeyReused):
        await backend.report_build(
            caller, requests.report_build("failed", build_id=build, idempotency_key="k")
        )


async def test_a_build_that_is_not_there_can_not_be_reported_on_or_read(
    backend: Backend, caller: Caller, build: str
) -> None:
    with pytest.raises(NotFound):
        await backend.report_build(caller, requests.report_build("running", build_id=NO_BUILD))
    with pytest.raises(NotFound):
        await backend.find_builds(caller, requests.find_builds(build_id=NO_BUILD))


async def test_one_build_is_found_by_its_id(backend: Backend, caller: Caller, build: str) -> None:
    await backend.trigger_bot_build(caller, requests.trigger_bot_build(1, replaces=build))
    page = await backend.find_builds(caller, requests.find_builds(build_id=build.upper()))
    assert page.items == [await backend.get_build(caller, GetBuild(build_id=build))]
    assert (page.total, page.next_cursor) == (1, None)


@pytest.mark.parametrize("kind", ["api"])
async def test_an_api_takes_no_report_by_ticket(
    backend: Backend, caller: Caller, build: str
) -> None:
    with pytest.raises(Unsupported, match="by ticket, build_ref and provider; name the build by"):
        await backend.report_build(caller, requests.report_build("running", **ELSEWHERE))


@stores_alone
async def test_a_build_that_was_made_elsewhere_is_registered_for_its_ticket_and_reported_on(
    backend: Backend, caller: Caller
) -> None:
    filed = await backend.create_ticket(caller, requests.create_ticket())
    url = "https://ci.example/88"
    first = await backend.report_build(
        caller, requests.report_build("running", **ELSEWHERE, url=url)
    )
    assert (first.registered, first.already, first.status) == (True, False, "building")
    assert (first.source_type, first.source_id) == ("ticket", filed.ticket.id)
    assert (first.display_name, first.provider) == ("HO-1-shop github", "github")
    assert (first.build_ref, first.url, first.run) == ("actions-88", url, None)
    why = {"error_message": "2 tests failed."}
    failed = await backend.report_build(caller, requests.report_build("failed", **ELSEWHERE, **why))
    assert (failed.id, failed.registered, failed.status) == (first.id, False, "failed")
    assert (failed.error_message, failed.url) == ("2 tests failed.", url)
    late = await backend.report_build(caller, requests.report_build("succeeded", **ELSEWHERE))
    assert late == _already(failed)
    shown, run, kinds = await seen(backend, caller)
    assert shown.model_dump() == failed.model_dump(include={*Build.model_fields})
    assert (run, kinds) == ({}, ["build.failed", "build.created", "ticket.created"])


@stores_alone
async def test_a_triggered_build_is_known_by_its_ticket_provider_and_reference_too(
    backend: Backend, caller: Caller, build: str
) -> None:
    run_id = (await seen(backend, caller))[1]["id"]
    named = {"ticket": 1, "build_ref": run_id, "provider": "docker"}
    reported = await backend.report_build(caller, requests.report_build("running", **named))
    assert (reported.id, reported.registered) == (build, False)
    assert (await seen(backend, caller))[1]["status"] == "running"


@stores_alone
@pytest.mark.parametrize("other", [{"build_ref": "actions-89"}, {"provider": "gitlab"}])
async def test_another_provider_or_reference_is_another_build(
    backend: Backend, caller: Caller, other: dict[str, str]
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    for named in (ELSEWHERE, {**ELSEWHERE, **other}):
        report = requests.report_build("succeeded", **named)
        assert (await backend.report_build(caller, report)).registered
    found = await backend.find_builds(caller, requests.find_builds(ticket=1))
    assert [one.status for one in found.items] == ["ready", "ready"]


@stores_alone
async def test_a_build_that_many_report_at_once_is_registered_once(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    told: list[ReportedBuild] = []

    async def report() -> None:
        request = requests.report_build("succeeded", **ELSEWHERE)
        told.append(await backend.report_build(caller, request))

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(report)
    assert sorted(one.registered for one in told) == [False] * 7 + [True]
    assert len({one.id for one in told}) == 1


@stores_alone
async def test_what_a_caller_does_not_see_it_can_not_report_on(
    backend: Backend, caller: Caller, build: str
) -> None:
    other = Principal("other", "other", "bot", projects=frozenset({"app"}))
    stranger = replace(caller, project="app", principal=other)
    shop = replace(stranger, principal=replace(other, projects=frozenset({"shop"})))
    ways = ({"build_id": build}, ELSEWHERE, {**ELSEWHERE, "ticket": 1, "project": "shop"})
    for number, named in enumerate(ways):
        report = requests.report_build("running", **named, idempotency_key=f"{number}")
        with pytest.raises(NotFound):
            await backend.report_build(stranger, report)
        await backend.report_build(shop, report)
        # What was done under a key is not told to a credential that sees no more of it.
        with pytest.raises(NotFound):
            await backend.report_build(stranger, report)
    with pytest.raises(NotFound):
        await backend.find_builds(stranger, requests.find_builds(build_id=build))


@stores_alone
async def test_a_report_stays_within_the_organization(backend: Backend, caller: Caller) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    with pytest.raises(NotFound) as raised:
        await backend.report_build(
            caller, requests.report_build("running", **ELSEWHERE, org="elsewhere")
        )
    assert [*raised.value.fields] == ["org"]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, {"ticket", "build_ref", "provider"}),
        ({"ticket": 1}, {"build_ref", "provider"}),
        ({"ticket": 1, "build_ref": "88"}, {"provider"}),
        ({"build_id": NO_BUILD, "ticket": 1, "provider": "ci"}, {"ticket", "provider"}),
        ({"build_id": "7"}, {"build_id"}),
        ({**ELSEWHERE, "error_message": "no"}, {"error_message"}),
        ({"url": "ci.example/7", "org": ""}, {"ticket", "build_ref", "provider", "url", "org"}),
    ],
)
def test_a_report_names_its_build_in_one_way_and_all_that_is_wrong_is_named(
    given: dict[str, Any], wrong: set[str]
) -> None:
    with pytest.raises(ValidationFailed) as raised:
        requests.report_build("running", **given)
    assert raised.value.fields.keys() == wrong


def _already(first: ReportedBuild) -> ReportedBuild:
    """Return what a report gets that changes nothing after this one."""
    return first.model_copy(update={"already": True, "masked": None})
