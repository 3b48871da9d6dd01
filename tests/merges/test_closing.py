"""Merges that close by themselves, and deployments that hold them."""

from mcp_handoff.proofs import Policy
from tests.facts import REPOSITORY, check, deployment, pull_request, push, sha
from tests.merges.desk import Desk

MERGE = sha("m")


async def test_a_project_may_have_proven_merges_closed_at_once(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    ticket = (await desk.detail()).ticket
    assert (ticket.status, ticket.stage, ticket.merge_sha) == ("closed", "live", MERGE)
    [closed] = await desk.suggestions("executed")
    assert (closed.suggestion_type, closed.source) == ("auto_close", "github")
    assert closed.settled_by == f"{REPOSITORY} on github"


async def test_closing_at_once_waits_for_checks_where_proof_is_required(desk: Desk) -> None:
    await desk.set(auto_close=True, require_proof=True)
    await desk.hear(check(MERGE, "failed", 1))
    await desk.hear(pull_request(50, 2, merge_sha=MERGE))
    [pending] = await desk.suggestions()
    assert pending.suggestion_type == "close_suggestion"
    await desk.hear(check(MERGE, "passed", 3))
    assert (await desk.detail()).ticket.status == "closed"


async def test_closing_at_once_waits_for_checks_where_the_server_requires_proof(
    desk: Desk,
) -> None:
    await desk.set(auto_close=True)
    strict = Policy(require_proof=True)
    await desk.hear(check(MERGE, "failed", 1), policy=strict)
    await desk.hear(pull_request(50, 2, merge_sha=MERGE), policy=strict)
    assert (await desk.detail()).ticket.status == "open"
    await desk.hear(check(MERGE, "passed", 3), policy=strict)
    assert (await desk.detail()).ticket.status == "closed"


async def test_nothing_is_closed_at_once_where_two_are_asked_for(desk: Desk) -> None:
    await desk.set(auto_close=True, four_eyes=True)
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    [pending] = await desk.suggestions()
    assert (await desk.execute(pending)).suggestion.status == "executed"


async def test_nothing_is_closed_at_once_where_the_server_asks_for_two(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(pull_request(50, 1, merge_sha=MERGE), policy=Policy(four_eyes=True))
    assert (await desk.detail()).ticket.status == "open"


async def test_closing_at_once_leaves_the_testers_their_part(desk: Desk) -> None:
    await desk.file_ticket(title="With a tester", roles=["backend", "qa"])
    await desk.set(auto_close=True)
    await desk.hear(pull_request(50, 1, "Fixes HO-2", merge_sha=MERGE))
    ticket = (await desk.detail(2)).ticket
    assert (ticket.status, ticket.stage) == ("open", "validation")
    roles = {one.role: one.status for one in ticket.roles}
    assert roles == {"backend": "done", "qa": "pending", "merged": "done"}


async def test_a_deployment_that_holds_the_merge_is_noted_on_the_ticket(desk: Desk) -> None:
    await desk.hear(pull_request(50, 10, merge_sha=MERGE))
    await desk.hear(push(10, ("m", "Merge pull request #50")))
    await desk.hear(push(20, ("n", "Something else")))
    await desk.hear(deployment("n", 21, "failed"))
    ticket = (await desk.detail()).ticket
    assert (ticket.deployed_at, ticket.deploy_failed_at) == (None, "2026-03-01T09:21:00.000Z")
    await desk.hear(deployment("n", 22))
    ticket = (await desk.detail()).ticket
    assert (ticket.deployed_at, ticket.deploy_failed_at) == ("2026-03-01T09:22:00.000Z", None)
    kinds = [event.kind for event in (await desk.detail()).events]
    assert kinds[:2] == ["ticket.deployed", "ticket.deploy_failed"]


async def test_an_older_deployment_holds_no_later_merge(desk: Desk) -> None:
    await desk.hear(push(5, ("old", "Before it")))
    await desk.hear(pull_request(50, 10, merge_sha=MERGE))
    await desk.hear(push(10, ("m", "Merge pull request #50")))
    await desk.hear(deployment("old", 11))
    assert (await desk.detail()).ticket.deployed_at is None
