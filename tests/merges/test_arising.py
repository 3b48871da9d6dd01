"""What a merge gives rise to, and what it does not."""

from asyncio import gather
from random import Random
from typing import Any

import anyio
import pytest

from mcp_handoff.errors import AlreadyExists, NotFound
from mcp_handoff.merges import Deployment
from mcp_handoff.repositories import (
    LinkRepository,
    ListRepositories,
    UnlinkedRepository,
    UnlinkRepository,
)
from mcp_handoff.suggestions import LIFETIME_DAYS
from tests import requests
from tests.clock import SteppedClock
from tests.facts import REPOSITORY, at, check, delivery, pull_request, push, sha
from tests.merges.desk import Desk

MERGE = sha("m")
SECONDS = 30


async def test_a_merge_that_declares_to_close_gives_one_suggestion_made_of_what_was_seen(
    desk: Desk,
) -> None:
    await desk.hear(pull_request(50, 1))
    await desk.hear(check(sha("head50"), "passed", 2))
    assert await desk.suggestions() == []
    await desk.hear(pull_request(50, 3, merge_sha=MERGE))
    [made] = await desk.suggestions()
    assert (made.source, made.suggestion_type, made.status) == (
        "github",
        "close_suggestion",
        "pending",
    )
    assert (made.merge_sha, made.pr_number, made.repo) == (MERGE, 50, REPOSITORY)
    assert made.evidence == {
        "merged": f"{MERGE} is on the default branch of {REPOSITORY}",
        "declared_by": ["#50"],
        "pull_request": f"https://github.com/{REPOSITORY}/pull/50",
        "checks": "passed",
    }
    assert (made.confidence, made.suggested_by) == (0.95, f"{REPOSITORY} on github")
    assert made.proof is not None
    assert (made.proof.state, made.proof.by, made.proof.checks) == ("proven", "github", "passed")


@pytest.mark.parametrize(
    "told",
    [
        pull_request(50, 1),
        pull_request(50, 1, draft=True),
        pull_request(50, 1, state="closed"),
        pull_request(50, 1, merge_sha=MERGE, base="release"),
        pull_request(50, 1, merge_sha=MERGE, body="See HO-1"),
        pull_request(50, 1, merge_sha=MERGE, body="", branch="ho-1-lift"),
        pull_request(50, 1, merge_sha=MERGE, body="Closes HO-1-cart"),
        pull_request(50, 1, merge_sha=MERGE, body="Closes HO-99"),
        push(1, ("a", "Closes HO-1"), branch="lift"),
        push(1, ("a", "Part of HO-1")),
    ],
    ids=lambda told: getattr(told, "body", "push")[:20] + getattr(told, "base", ""),
)
async def test_what_is_no_merge_with_that_intent_suggests_nothing(desk: Desk, told: Any) -> None:
    await desk.start_project("cart")
    await desk.file_ticket(project="cart")
    await desk.hear(told)
    assert await desk.suggestions() == []
    assert (await desk.detail()).ticket.status == "open"


async def test_a_pull_request_is_shown_with_its_ticket_as_far_as_it_is(desk: Desk) -> None:
    shown: list[tuple[str, str, bool, str]] = []
    for told in (
        pull_request(50, 1, body="See HO-1", draft=True),
        pull_request(50, 2),
        check(sha("head50"), "failed", 3),
        check(sha("head50"), "passed", 4),
        pull_request(50, 5, merge_sha=MERGE),
    ):
        await desk.hear(told)
        [change] = (await desk.detail()).changes
        shown.append((change.name, change.state, change.closes, change.checks))
    name = f"{REPOSITORY}#50"
    assert shown == [
        (name, "draft", False, "none"),
        (name, "open", True, "none"),
        (name, "open", True, "failed"),
        (name, "open", True, "passed"),
        (name, "merged", True, "passed"),
    ]


async def test_what_becomes_known_of_a_suggestion_is_an_event_of_its_history(desk: Desk) -> None:
    await desk.hear(pull_request(50, 1, merge_sha=sha("m")))
    for state in ("failed", "failed", "passed"):
        await desk.hear(check(sha("head50"), state, 2))
    events = [one for one in (await desk.detail()).events if one.kind == "suggestion.updated"]
    told = [
        (event.before["evidence"]["checks"], event.after["evidence"]["checks"])
        for event in events
        if event.before and event.after
    ]
    assert told == [("failed", "passed"), ("none", "failed")]


async def test_a_merge_into_the_default_branch_stays_one_when_the_branch_is_renamed(
    desk: Desk,
) -> None:
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    await desk.hear(pull_request(50, 2, merge_sha=MERGE), default_branch="trunk")
    [pending] = await desk.suggestions()
    assert pending.proof is not None
    assert pending.proof.state == "proven"


async def test_a_pull_request_without_a_commit_is_shown(desk: Desk) -> None:
    await desk.hear(pull_request(50, 1, head_sha=""))
    [change] = (await desk.detail()).changes
    assert (change.state, change.checks) == ("open", "none")


async def test_a_title_is_shown_on_one_short_line_without_its_secrets(desk: Desk) -> None:
    secret = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    await desk.hear(pull_request(50, 1, title=f"Use {secret}\n" + "x" * 10_000))
    [change] = (await desk.detail()).changes
    assert change.title is not None
    assert change.title.startswith("Use [masked: ")
    assert len(change.title) == 200


async def test_names_of_checks_and_environments_may_have_any_length(desk: Desk) -> None:
    dice = Random(1)
    name = "".join(dice.choices([chr(point) for point in range(0x20000, 0x2A000)], k=1_000))
    await desk.hear(pull_request(50, 1, merge_sha=MERGE), check(MERGE, "passed", 1, name=name))
    await desk.hear(Deployment(MERGE, name, "succeeded", at(2)))
    detail = await desk.detail()
    assert detail.changes[0].checks == "passed"
    assert detail.ticket.deployed_at == at(2)


async def test_of_many_changes_those_that_close_are_shown_first_and_the_newest(
    desk: Desk,
) -> None:
    for number in range(80, 110):
        await desk.hear(pull_request(number, number, body="See HO-1"))
    for number in (7, 70):
        await desk.hear(pull_request(number, number))
    names = [change.name for change in (await desk.detail()).changes]
    assert names == [f"{REPOSITORY}#{number}" for number in (70, 7, *range(109, 91, -1))]


async def test_the_intent_to_close_is_kept_when_a_later_delivery_lacks_it(desk: Desk) -> None:
    await desk.hear(pull_request(50, 1, body="Fixes HO-1"))
    await desk.hear(pull_request(50, 2, body="", merge_sha=MERGE))
    assert len(await desk.suggestions()) == 1


async def test_another_open_pull_request_holds_the_close_back_until_it_is_through(
    desk: Desk,
) -> None:
    await desk.hear(pull_request(51, 1))
    await desk.hear(pull_request(50, 2, merge_sha=MERGE))
    assert await desk.suggestions() == []
    await desk.hear(pull_request(51, 3, state="closed"))
    [made] = await desk.suggestions()
    assert made.pr_number == 50
    await desk.hear(pull_request(52, 4))
    assert await desk.suggestions() == []
    [withdrawn] = await desk.suggestions("skipped")
    assert "another pull request holds it back" in (withdrawn.reason or "")
    await desk.hear(pull_request(52, 5, merge_sha=sha("n")))
    assert [one.pr_number for one in await desk.suggestions()] == [50, 52]


async def test_a_push_with_a_pull_requests_merge_is_one_merge_whichever_comes_first(
    desk: Desk,
) -> None:
    commits = ("a", "Lift it\n\nCloses: HO-1"), ("m", "Merge pull request #50")
    await desk.hear(push(2, *commits))
    [made] = await desk.suggestions()
    assert (made.merge_sha, made.pr_number) == (MERGE, None)
    await desk.hear(pull_request(50, 2, merge_sha=MERGE))
    [same] = await desk.suggestions()
    assert (same.id, same.pr_number) == (made.id, 50)
    assert same.evidence["declared_by"] == ["#50", sha("a")]


async def test_a_commits_message_closes_by_its_push(desk: Desk) -> None:
    await desk.hear(push(1, ("a", "Fixes HO-1"), ("b", "Tidy up")))
    [made] = await desk.suggestions()
    assert (made.merge_sha, made.pr_number, made.confidence) == (sha("b"), None, 0.9)
    assert made.evidence["declared_by"] == [sha("a")]
    [change] = (await desk.detail()).changes
    assert change.name == f"{REPOSITORY}@{sha('a')[:12]}"


async def test_what_an_agent_suggested_for_the_same_change_is_not_suggested_again(
    desk: Desk,
) -> None:
    claimed = await desk.suggest(pr_number=50)
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    [pending] = await desk.suggestions()
    assert pending.id == claimed.id
    assert pending.proof is not None
    assert pending.proof.state == "proven"
    assert (await desk.suggest(merge_sha=MERGE, pr_number=50)).id == claimed.id


@pytest.mark.parametrize(
    "claim",
    [
        {"pr_number": 50, "repo": "acme/till"},
        {"pr_number": 50, "merge_sha": sha("x")},
        {"merge_sha": sha("x")},
    ],
    ids=["another repository's", "another commit's", "another commit's alone"],
)
async def test_what_an_agent_suggested_for_another_change_stands_in_no_merges_way(
    desk: Desk, claim: dict[str, Any]
) -> None:
    await desk.set(auto_close=True)
    await desk.suggest(**claim)
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    assert (await desk.detail()).ticket.status == "closed"


async def test_what_an_agent_suggested_too_long_ago_stands_in_no_merges_way(
    desk: Desk, clock: SteppedClock
) -> None:
    await desk.suggest(pr_number=50)
    clock.advance(days=LIFETIME_DAYS)
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    assert len(await desk.suggestions()) == 1


async def test_what_a_forge_suggested_and_nobody_acted_on_in_time_is_not_suggested_again(
    desk: Desk, clock: SteppedClock
) -> None:
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    clock.advance(days=LIFETIME_DAYS)
    await desk.hear(check(MERGE, "passed", 2))
    assert await desk.suggestions() == []


async def test_pull_requests_of_one_number_in_two_repositories_are_two_merges(desk: Desk) -> None:
    await desk.backend.link_repository(desk.caller, LinkRepository(name="acme/till"))
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    await desk.hear(pull_request(50, 2, merge_sha=sha("n")), repository="acme/till")
    assert [one.repo for one in await desk.suggestions()] == [REPOSITORY, "acme/till"]


async def test_what_was_declined_is_not_suggested_again(desk: Desk) -> None:
    await desk.hear(pull_request(50, 1, merge_sha=MERGE))
    [made] = await desk.suggestions()
    await desk.backend.act_on_suggestion(desk.caller, requests.decline(made.id))
    await desk.hear(pull_request(50, 2, merge_sha=MERGE))
    await desk.hear(push(3, ("m", "Merge pull request #50")))
    assert await desk.suggestions() == []


async def test_a_delivery_is_taken_once(desk: Desk) -> None:
    merged = delivery(pull_request(50, 1, merge_sha=MERGE))
    assert not (await desk.backend.take_delivery("github", merged)).repeated
    assert (await desk.backend.take_delivery("github", merged)).repeated
    assert len(await desk.suggestions("any")) == 1


async def test_taken_deliveries_are_forgotten_after_a_while_and_what_they_told_is_not(
    desk: Desk, clock: SteppedClock
) -> None:
    merged = delivery(pull_request(50, 1, merge_sha=MERGE))
    await desk.backend.take_delivery("github", merged)
    clock.advance(days=31)
    await desk.backend.forget_deliveries()
    assert not (await desk.backend.take_delivery("github", merged)).repeated
    assert len((await desk.detail()).changes) == 1


async def test_a_repository_that_is_not_linked_tells_nothing(desk: Desk) -> None:
    with pytest.raises(NotFound, match="linked to no project"):
        await desk.hear(pull_request(50, 1), repository="acme/other")
    [linked] = (await desk.backend.list_repositories(desk.caller, ListRepositories())).repositories
    await desk.backend.unlink_repository(desk.caller, UnlinkRepository(repository_id=linked.id))
    with pytest.raises(NotFound):
        await desk.hear(pull_request(50, 1))
    assert await desk.backend.find_secret("github", REPOSITORY) is None


async def test_a_repository_is_linked_to_one_project_by_any_spelling(desk: Desk) -> None:
    await desk.start_project("cart")
    with pytest.raises(AlreadyExists, match="linked to project shop"):
        await desk.backend.link_repository(
            desk.caller, LinkRepository(name=REPOSITORY.upper(), project="cart")
        )
    other = LinkRepository(name=REPOSITORY, forge="forgejo")
    linked = await desk.backend.link_repository(desk.caller, other)
    assert await desk.backend.find_secret("forgejo", "Acme/Shop") == linked.secret


async def test_a_delivery_that_meets_an_unlinking_is_taken_or_of_no_repository(desk: Desk) -> None:
    for number in range(20):
        name = f"acme/till-{number}"
        linked = await desk.backend.link_repository(desk.caller, LinkRepository(name=name))
        request = UnlinkRepository(repository_id=linked.repository.id)
        told = [desk.hear(pull_request(one, 1), repository=name) for one in range(1, 4)]
        unlink = [desk.backend.unlink_repository(desk.caller, request) for _ in range(2)]
        ends = await gather(*told, *unlink, return_exceptions=True)
        assert sum(isinstance(end, UnlinkedRepository) for end in ends) == 1
        errors = [end for end in ends if isinstance(end, BaseException)]
        assert all(isinstance(error, NotFound) for error in errors), errors


async def test_whoever_follows_a_ticket_hears_of_what_is_shown_with_it(desk: Desk) -> None:
    await desk.hear(pull_request(50, 1))
    async with desk.backend.changes() as changes:
        await desk.hear(check(sha("head50"), "failed", 2))
        with anyio.fail_after(SECONDS):
            heard = await anext(aiter(changes))
    assert heard.reference == "HO-1-shop"
