"""The operations themselves, where no tool asks for so much."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Remote, Store
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.errors import NotFound, Unsupported
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.principals import Principal
from mcp_handoff.remote.api import sent_key
from mcp_handoff.remote.client import OURS, ApiClient
from mcp_handoff.remote.remote_backend import RemoteBackend
from mcp_handoff.schema import CALL_KEY
from mcp_handoff.tickets import FindAllTickets, FindTickets
from tests.http.served import Served, make_project, make_token
from tests.mcp.wire import TIMEOUT
from tests.remote.conftest import TOKEN
from tests.remote.stand_in import BUILD, PROJECT, TICKET
from tests.remote.stood_in import StandIn
from tests.replays import replay_of
from tests.requests import (
    create_ticket,
    find_builds,
    list_events,
    report_build,
    suggest_close,
    trigger_bot_build,
    update_build,
)

CALLER = Caller(bot("agent-1"), project=PROJECT)
TICKETS = f"/projects/{PROJECT}/tickets"


@pytest.fixture
async def remote(stand_in: StandIn) -> AsyncIterator[RemoteBackend]:
    """The documented APIs as a backend."""
    tickets, builds = ApiClient(stand_in.url, TOKEN), ApiClient(f"{stand_in.url}/v1", TOKEN)
    backend = RemoteBackend(tickets, builds)
    yield backend
    await backend.close()


async def test_tickets_are_listed_as_the_documented_page_has_it(
    remote: RemoteBackend, stand_in: StandIn
) -> None:
    await remote.find_tickets(CALLER, FindTickets(stage=["backlog", "live"], offset=20))
    assert stand_in.last()[1] == f"{TICKETS}?stage=backlog%2Clive&limit=1000&offset=20"
    whole = (await remote.find_tickets(CALLER, FindTickets())).tickets
    assert stand_in.last()[1] == f"{TICKETS}?limit=1000"
    assert [ticket.description for ticket in whole] == ["As long as it has to be."] * 2


async def test_tickets_are_chosen_by_request_type_though_the_api_does_not(
    remote: RemoteBackend,
) -> None:
    bugs = await remote.find_tickets(CALLER, FindTickets(request_type="bug"))
    wishes = await remote.find_tickets(CALLER, FindTickets(request_type="feature_request"))
    assert (len(bugs.tickets), wishes.tickets) == (2, [])


async def test_an_api_that_knows_no_blockers_does_not_choose_by_them(
    remote: RemoteBackend,
) -> None:
    with pytest.raises(Unsupported, match="does not choose tickets by blocked"):
        await remote.find_tickets(CALLER, FindTickets(blocked=True))


async def test_the_tickets_of_all_projects_are_chosen_though_the_api_does_not(
    remote: RemoteBackend, stand_in: StandIn
) -> None:
    asked = FindAllTickets(status="closed", stage=["live"], slim=True)
    closed = (await remote.find_all_tickets(CALLER, asked)).tickets
    assert stand_in.last()[1] == "/tickets?status=closed&stage=live&limit=1000&slim=1"
    assert [(ticket.status, ticket.project_id) for ticket in closed] == [("closed", PROJECT)]
    of_design = await remote.find_all_tickets(CALLER, FindAllTickets(role="design"))
    assert of_design.tickets == []


async def test_an_api_that_tells_no_history_is_named(
    remote: RemoteBackend, stand_in: StandIn
) -> None:
    with pytest.raises(Unsupported, match="tells no project's history") as lacking:
        await remote.list_events(CALLER, list_events(limit=7))
    assert stand_in.url in lacking.value.message
    assert stand_in.last()[1] == f"/projects/{PROJECT}/events?limit=7"


@pytest.mark.parametrize(
    "asked", [{"newest_first": True}, {"ticket": 7}, {"topic": "build"}, {"author": "mia"}]
)
async def test_an_api_that_is_none_of_ours_chooses_no_events(
    remote: RemoteBackend, asked: dict[str, Any]
) -> None:
    with pytest.raises(Unsupported, match=f"does not know {next(iter(asked))}"):
        await remote.list_events(CALLER, list_events(**asked))


async def test_callers_who_share_a_token_over_there_do_not_share_their_keys(store: Path) -> None:
    make_project(store, PROJECT)
    alice, bob = (
        replace(CALLER, principal=Principal(name, name, "user")) for name in ("alice", "bob")
    )
    with Served(store, token=make_token(store, "portal", "user")) as served:
        backend = RemoteBackend(
            *(ApiClient(f"{served.url}/api{path}", served.token) for path in ("", "/v1"))
        )
        request = create_ticket(idempotency_key="key-1")
        hers, his, again = [
            (await backend.create_ticket(caller, request)).ticket for caller in (alice, bob, alice)
        ]
        assert hers == again
        assert hers.id != his.id
        # Over a shared key the second of two would hear that it came with other arguments.
        for caller, ticket in ((alice, hers.id), (bob, his.id)):
            await backend.trigger_bot_build(caller, trigger_bot_build(ticket, idempotency_key="2"))
            suggest = suggest_close(ticket, idempotency_key="3")
            made = await backend.suggest_close(caller, suggest)
            assert await backend.suggest_close(caller, suggest) == replay_of(made)
        await backend.close()


async def test_a_key_made_for_one_call_stays_one_for_callers_who_share_a_token() -> None:
    alice = replace(CALLER, principal=Principal("alice", "alice", "user"))
    sent = sent_key(alice, f"{CALL_KEY}1")
    assert sent is not None
    assert sent.startswith(CALL_KEY)
    assert sent not in (f"{CALL_KEY}1", sent_key(alice, f"{CALL_KEY}2"))


async def test_what_this_process_changes_is_published(remote: RemoteBackend) -> None:
    async with remote.changes() as changes:
        created = await remote.create_ticket(CALLER, create_ticket())
        change = await anext(changes)
    assert (change.kind, change.ticket_id) == ("ticket.created", created.ticket.id)


async def test_an_older_mcp_handoff_takes_no_reports_and_a_build_that_it_lacks_is_not_found(
    remote: RemoteBackend, stand_in: StandIn
) -> None:
    report = report_build("running", build_id=BUILD)
    refusal = {"code": 404, "detail": "There is nothing here.", "type": "not_found_error"}
    for _ in ("whose API it is", "the report"):
        stand_in.respond_next(404, refusal, **{OURS: "0.1"})
    with pytest.raises(Unsupported, match=r"takes no reports \(POST …/builds/{build_id}/report\)"):
        await remote.report_build(CALLER, report)
    lacking = [{"loc": ["body", "build_id"], "msg": "names no build", "type": "not_found_error"}]
    stand_in.respond_next(404, {**refusal, "errors": lacking}, **{OURS: "0.2"})
    with pytest.raises(NotFound):
        await remote.report_build(CALLER, report)


async def test_one_build_is_read_where_it_is(remote: RemoteBackend, stand_in: StandIn) -> None:
    build = await remote.update_build(CALLER, update_build(BUILD))
    stand_in.respond_next(200, build.model_dump())
    page = await remote.find_builds(CALLER, find_builds(build_id=BUILD))
    assert stand_in.last() == ("GET", f"/v1/org/default/builds/{BUILD}", None)
    assert [one.id for one in page.items] == [BUILD]


async def test_a_report_is_published_as_a_change_of_the_build_and_its_ticket(
    remote: RemoteBackend, stand_in: StandIn
) -> None:
    build = await remote.update_build(CALLER, update_build(BUILD))
    reported = {**build.model_dump(), "source_type": "ticket", "source_id": TICKET}
    async with remote.changes() as changes:
        stand_in.respond_next(200, {**reported, "status": "ready"})
        told = {"build_ref": "image@2", "url": "https://ci.example/7"}
        report = report_build("succeeded", build_id=BUILD, **told)
        assert (await remote.report_build(CALLER, report)).status == "ready"
        change = await anext(changes)
    path = f"/v1/org/default/builds/{BUILD}/report"
    assert stand_in.last() == ("POST", path, {"status": "succeeded", **told})
    told_of = (change.kind, change.ticket_id, change.build_id)
    assert told_of == ("build.succeeded", TICKET, BUILD)


async def test_subscribers_are_told_where_it_is_not_known_what_changed(
    remote: RemoteBackend, tmp_path: Path
) -> None:
    settings = read_settings({"HANDOFF_PROJECT": PROJECT}, tmp_path)
    server = HandoffServer(Toolbox(Desk(remote, settings), settings))
    uris = ["handoff://tickets", f"handoff://tickets/{TICKET}"]
    async with (
        server.announcing(),
        Client(server, mode="2026-07-28") as client,
        client.listen(resource_subscriptions=uris) as subscription,
    ):
        remote.api.feed.publish_everything()
        with anyio.fail_after(TIMEOUT):
            heard = {await anext(subscription) for _ in uris}
    assert heard == {ResourceUpdated(uri=uri) for uri in uris}


async def test_a_remote_backend_is_no_store_and_its_methods_keep_their_names(
    remote: RemoteBackend,
) -> None:
    assert isinstance(remote, Remote)
    assert not isinstance(remote, Store)
    methods = {name: value for name, value in vars(RemoteBackend).items() if callable(value)}
    assert [method.__name__ for method in methods.values()] == list(methods)
