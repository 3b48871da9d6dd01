"""What a suggestion's proof is, and what may be executed on it."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.errors import EvidenceContradicted, Forbidden, ProofRequired
from mcp_handoff.merges import Fact
from mcp_handoff.principals import Principal
from mcp_handoff.proofs import Policy
from mcp_handoff.repositories import LinkRepository, ListRepositories, UnlinkRepository
from tests import requests
from tests.facts import REPOSITORY, check, pull_request, push, sha
from tests.merges.desk import Desk

MERGE = sha("m")
MERGED = pull_request(50, 1, body="", merge_sha=MERGE)
PUSHED = push(1, ("m", "Lift it"))
REVERTED = push(2, ("r", f"This reverts commit {MERGE}."))
OPEN = pull_request(50, 1, body="")
CLOSED = pull_request(50, 1, body="", state="closed")
ELSEWHERE = pull_request(50, 1, body="", merge_sha=MERGE, base="release")
HEAD = sha("head50")
WITH_ITS_HEAD = push(1, ("head50", "Lift it"), ("m", "Merge pull request #50"))
THERE, UNTOLD = "is on the default branch", "no linked repository has told"


@pytest.mark.parametrize(
    ("told", "claim", "state", "why"),
    [
        ([PUSHED], {"merge_sha": MERGE}, "proven", THERE),
        ([PUSHED], {"merge_sha": MERGE[:9].upper()}, "proven", THERE),
        ([MERGED], {"merge_sha": MERGE}, "proven", THERE),
        ([MERGED], {"pr_number": 50}, "proven", THERE),
        ([MERGED], {"pr_number": 50, "repo": "Acme/Shop"}, "proven", THERE),
        ([WITH_ITS_HEAD, MERGED], {"pr_number": 50, "merge_sha": HEAD}, "proven", THERE),
        ([], {"merge_sha": MERGE}, "unproven", UNTOLD),
        ([], {"pr_number": 50}, "unproven", UNTOLD),
        ([MERGED], {"pr_number": 50, "repo": "acme/till"}, "unproven", UNTOLD),
        ([MERGED], {}, "unproven", "names no commit and no pull request"),
        ([OPEN], {"pr_number": 50}, "contradicted", "#50 is still open"),
        ([CLOSED], {"pr_number": 50}, "contradicted", "closed without a merge"),
        ([ELSEWHERE], {"pr_number": 50}, "contradicted", "not into the default branch"),
        ([MERGED], {"pr_number": 50, "merge_sha": sha("x")}, "contradicted", "was merged as"),
        ([PUSHED, REVERTED], {"merge_sha": MERGE}, "contradicted", "was reverted"),
        ([MERGED, PUSHED, REVERTED], {"pr_number": 50}, "contradicted", "was reverted"),
    ],
)
async def test_a_claim_is_judged_by_what_the_forge_has_told(
    desk: Desk, told: list[Fact], claim: dict[str, Any], state: str, why: str
) -> None:
    for fact in told:
        await desk.hear(fact)
    proof = await desk.proof_of(**claim)
    assert (proof.state, why in proof.why) == (state, True), proof.why


@pytest.mark.parametrize(
    ("claim", "state", "why"),
    [
        ({"pr_number": 50}, "unproven", "several linked repositories have told of a #50"),
        ({"pr_number": 50, "repo": REPOSITORY}, "contradicted", "#50 is still open"),
        ({"pr_number": 50, "repo": "acme/till"}, "proven", THERE),
        ({"pr_number": 50, "merge_sha": MERGE}, "proven", "branch of acme/till"),
        ({"pr_number": 51, "merge_sha": sha("x")}, "contradicted", "was closed"),
    ],
)
async def test_of_two_repositories_the_one_is_meant_that_is_named_or_has_the_commit(
    desk: Desk, claim: dict[str, Any], state: str, why: str
) -> None:
    await desk.backend.link_repository(desk.caller, LinkRepository(name="acme/till"))
    await desk.hear(OPEN, replace(CLOSED, number=51))
    await desk.hear(MERGED, replace(CLOSED, number=51), repository="acme/till")
    proof = await desk.proof_of(**claim)
    assert (proof.state, why in proof.why) == (state, True), proof.why


async def test_a_commits_checks_are_those_of_its_pull_request_too(desk: Desk) -> None:
    await desk.set(require_proof=True)
    await desk.hear(MERGED, check(HEAD, "failed", 1))
    claimed = await desk.suggest(merge_sha=MERGE)
    with pytest.raises(ProofRequired, match="checks have not failed"):
        await desk.execute(claimed)


async def test_a_repository_that_is_linked_no_more_proves_only_what_was_executed(
    desk: Desk,
) -> None:
    await desk.hear(MERGED)
    await desk.file_ticket(title="Another")
    done = await desk.execute(await desk.suggest(pr_number=50))
    other = requests.suggest_close(2, pr_number=50)
    await desk.backend.suggest_close(desk.caller, other)
    [linked] = (await desk.backend.list_repositories(desk.caller, ListRepositories())).repositories
    await desk.backend.unlink_repository(desk.caller, UnlinkRepository(repository_id=linked.id))
    [pending], [executed] = await desk.suggestions(), await desk.suggestions("executed")
    assert pending.proof is not None
    assert (pending.proof.state, executed.proof) == ("unproven", done.suggestion.proof)


async def test_an_abbreviation_of_two_commits_proves_nothing(desk: Desk) -> None:
    await desk.hear(push(1, ("commit-a", "One"), ("commit-b", "Two")))
    proof = await desk.proof_of(merge_sha=sha("commit-a")[:14])
    assert proof.state == "unproven"


async def test_a_proof_follows_what_is_told_later(desk: Desk) -> None:
    await desk.suggest(pr_number=50)
    states: list[tuple[str, str]] = []
    for told in (
        pull_request(50, 1, body=""),
        check(sha("head50"), "pending", 2),
        check(sha("head50"), "failed", 3),
        pull_request(50, 4, body="", merge_sha=MERGE),
        check(MERGE, "passed", 5, name="deploy"),
        check(sha("head50"), "passed", 6),
    ):
        await desk.hear(told)
        [pending] = await desk.suggestions()
        assert pending.proof is not None
        states.append((pending.proof.state, pending.proof.checks))
    assert states == [
        ("contradicted", "none"),
        ("contradicted", "pending"),
        ("contradicted", "failed"),
        ("proven", "failed"),
        ("proven", "failed"),
        ("proven", "passed"),
    ]


async def test_what_is_contradicted_is_not_executed(desk: Desk) -> None:
    await desk.hear(pull_request(50, 1))
    claimed = await desk.suggest(pr_number=50)
    with pytest.raises(EvidenceContradicted, match=f"{REPOSITORY}#50 is still open") as refused:
        await desk.execute(claimed)
    assert "Decline the suggestion" in refused.value.message
    assert (await desk.detail()).ticket.stage == "backlog"
    assert len(await desk.suggestions()) == 1


async def test_an_executed_suggestion_keeps_what_it_rests_on(desk: Desk) -> None:
    await desk.hear(MERGED)
    acted = await desk.execute(await desk.suggest(pr_number=50))
    assert acted.suggestion.proof is not None
    assert acted.suggestion.proof.state == "proven"
    await desk.hear(pull_request(50, 9, body="Fixes nothing", merge_sha=MERGE))
    [kept] = await desk.suggestions("executed")
    assert kept.proof == acted.suggestion.proof
    events = (await desk.detail()).events
    [executed] = [one for one in events if one.kind == "suggestion.executed"]
    assert executed.after is not None
    assert executed.after["proof"] == "proven"


async def test_a_project_may_ask_for_proof(desk: Desk) -> None:
    await desk.set(require_proof=True)
    claimed = await desk.suggest(merge_sha=MERGE)
    with pytest.raises(ProofRequired, match=UNTOLD):
        await desk.execute(claimed)
    await desk.hear(PUSHED)
    await desk.hear(check(MERGE, "failed", 2))
    with pytest.raises(ProofRequired, match="checks have not failed"):
        await desk.execute(claimed)
    await desk.hear(check(MERGE, "passed", 3))
    assert (await desk.execute(claimed)).suggestion.status == "executed"


async def test_a_server_may_ask_for_proof_in_every_project(desk: Desk, caller: Caller) -> None:
    strict = replace(caller, policy=Policy(require_proof=True))
    claimed = await desk.suggest(merge_sha=MERGE)
    with pytest.raises(ProofRequired):
        await desk.execute(claimed, strict)
    assert (await desk.execute(claimed)).suggestion.status == "executed"


async def test_where_two_are_asked_for_whoever_suggested_does_not_execute(
    desk: Desk, caller: Caller
) -> None:
    await desk.set(four_eyes=True)
    claimed = await desk.suggest(merge_sha=MERGE)
    with pytest.raises(Forbidden, match="somebody else"):
        await desk.execute(claimed)
    other = replace(caller, principal=Principal("t2", "reviewer", "user"))
    assert (await desk.execute(claimed, other)).suggestion.status == "executed"


async def test_a_commit_that_came_with_a_pull_request_is_reverted_with_it(desk: Desk) -> None:
    merged = pull_request(50, 1, body="", merge_sha=sha("last"))
    await desk.hear(merged, push(1, ("first", "Lift the limit"), ("last", "Test it")))
    await desk.suggest(merge_sha=sha("first"))
    await desk.hear(push(2, ("r", f"Reverts {REPOSITORY}#50")))
    [pending] = await desk.suggestions()
    assert pending.proof is not None
    assert pending.proof.state == "contradicted"
    assert "was reverted" in pending.proof.why
