"""What becomes of a ticket whose merge is taken back."""

import pytest

from mcp_handoff.merges import Fact
from tests.facts import REPOSITORY, pull_request, push, sha
from tests.merges.desk import Desk

pytestmark = pytest.mark.proof

MERGE = sha("m")
MERGED = pull_request(50, 1, merge_sha=MERGE)


@pytest.mark.parametrize(
    "told",
    [
        push(2, ("r", f'Revert "Lift it"\n\nThis reverts commit {MERGE}.')),
        push(2, ("r", f"This reverts commit {MERGE[:12]}.")),
        push(2, ("r", "Revert it\n\nReverts #50")),
        pull_request(51, 2, f"Reverts {REPOSITORY}#50", merge_sha=sha("r")),
    ],
    ids=["by its hash", "by an abbreviation", "by its number", "by a pull request"],
)
async def test_a_revert_opens_the_ticket_that_the_merge_closed(desk: Desk, told: Fact) -> None:
    await desk.set(auto_close=True)
    await desk.hear(MERGED)
    assert (await desk.detail()).ticket.status == "closed"
    await desk.hear(told)
    detail = await desk.detail()
    assert (detail.ticket.status, detail.ticket.stage) == ("open", "in_progress")
    assert detail.ticket.merge_sha is None
    roles = {one.role: one.status for one in detail.ticket.roles}
    assert roles == {"backend": "pending", "merged": "pending"}
    why = f"{MERGE[:12]}, which closed this, was reverted in {REPOSITORY}."
    assert [note.body for note in detail.notes] == [why]
    assert "ticket.reopened" in [event.kind for event in detail.events]
    assert [change.state for change in detail.changes] == ["reverted"]


async def test_a_revert_of_the_commit_that_closes_opens_its_ticket_whatever_came_with_it(
    desk: Desk,
) -> None:
    await desk.set(auto_close=True)
    await desk.hear(push(1, ("a", "Fixes HO-1"), ("b", "Tidy up")))
    assert (await desk.detail()).ticket.status == "closed"
    await desk.hear(push(2, ("r", f"This reverts commit {sha('a')}.")))
    assert (await desk.detail()).ticket.status == "open"


async def test_a_revert_takes_a_ticket_back_from_its_testers(desk: Desk) -> None:
    await desk.file_ticket(title="With a tester", roles=["backend", "qa"])
    await desk.set(auto_close=True)
    await desk.hear(pull_request(50, 1, "Closes HO-2", merge_sha=MERGE))
    await desk.hear(push(2, ("r", f"This reverts commit {MERGE}.")))
    ticket = (await desk.detail(2)).ticket
    assert ticket.stage == "in_progress"
    roles = {one.role: one.status for one in ticket.roles}
    assert roles == dict.fromkeys(("backend", "qa", "merged"), "pending")


async def test_a_revert_opens_a_ticket_that_no_text_mentions(desk: Desk) -> None:
    await desk.hear(pull_request(50, 1, "No word of it", merge_sha=MERGE))
    await desk.execute(await desk.suggest(merge_sha=MERGE[:10]))
    await desk.hear(push(2, ("r", f"This reverts commit {MERGE}.")))
    assert (await desk.detail()).ticket.status == "open"


async def test_a_revert_opens_a_ticket_that_was_closed_by_an_abbreviation_nobody_knew(
    desk: Desk,
) -> None:
    await desk.execute(await desk.suggest(merge_sha=MERGE[:10]))
    await desk.hear(push(1, ("m", "No word of it")))
    await desk.hear(push(2, ("r", f"This reverts commit {MERGE}.")))
    assert (await desk.detail()).ticket.status == "open"


async def test_the_revert_of_a_merge_takes_back_what_came_by_it(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(push(1, ("a", "Fixes HO-1"), ("m", "Merge branch 'lift'")))
    why = f"This reverts commit {MERGE}, reversing\nchanges made to {sha('before')}."
    await desk.hear(push(2, ("r", why)))
    assert (await desk.detail()).ticket.status == "open"


async def test_the_revert_of_a_commit_takes_back_no_other_of_its_push(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(push(1, ("a", "Fixes HO-1"), ("m", "Tidy up")))
    await desk.hear(push(2, ("r", f"This reverts commit {MERGE}.")))
    assert (await desk.detail()).ticket.status == "closed"
    await desk.hear(push(3, ("s", f"This reverts commit {sha('a')}.")))
    assert (await desk.detail()).ticket.status == "open"


async def test_a_revert_withdraws_what_was_suggested(desk: Desk) -> None:
    await desk.hear(MERGED)
    await desk.hear(push(2, ("r", f"This reverts commit {MERGE}.")))
    assert await desk.suggestions() == []
    await desk.hear(push(3, ("s", f"This reverts commit {sha('r')}.")))
    [again] = await desk.suggestions()
    assert again.merge_sha == MERGE


async def test_what_was_reverted_and_brought_back_closes_its_ticket_again(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(MERGED)
    await desk.hear(push(2, ("r", f"This reverts commit {MERGE}.")))
    assert (await desk.detail()).ticket.status == "open"
    await desk.hear(push(3, ("s", f"This reverts commit {sha('r')}.")))
    ticket = (await desk.detail()).ticket
    assert (ticket.status, ticket.merge_sha) == ("closed", MERGE)


async def test_what_a_person_opens_again_is_not_closed_by_the_same_merge(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(MERGED)
    await desk.update(role="backend", role_status="pending", note="It still fails")
    await desk.hear(pull_request(50, 2, merge_sha=MERGE))
    assert (await desk.detail()).ticket.status == "open"


async def test_a_revert_that_came_before_its_merge_counts_all_the_same(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(push(2, ("r", f"This reverts commit {MERGE}.")))
    await desk.hear(MERGED)
    assert (await desk.detail()).ticket.status == "open"
    assert await desk.suggestions("any") == []


async def test_a_ticket_that_was_finished_again_since_is_left_alone(desk: Desk) -> None:
    await desk.set(auto_close=True)
    await desk.hear(MERGED)
    reverted = push(2, ("r", f"This reverts commit {MERGE}."))
    await desk.hear(reverted)
    await desk.hear(pull_request(51, 3, merge_sha=sha("n")))
    await desk.hear(reverted)
    ticket = (await desk.detail()).ticket
    assert (ticket.status, ticket.merge_sha) == ("closed", sha("n"))
