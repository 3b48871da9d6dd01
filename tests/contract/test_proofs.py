"""What was seen of a merge, and what may not be executed for it, over every backend."""

from collections.abc import AsyncIterator

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import EvidenceContradicted, Forbidden, HandoffError, ProofRequired
from mcp_handoff.proofs import Proof
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.databases import open_database
from tests.facts import REPOSITORY, check, pull_request, sha
from tests.merges.desk import Desk

MERGE = sha("m")


@pytest.fixture
async def kept(backend: Backend, database_name: str, caller: Caller) -> AsyncIterator[Desk]:
    """The store that is behind the backend, with ticket 1 in a project that hears of merges."""
    await backend.create_ticket(caller, requests.create_ticket())
    opened = Desk(StoreBackend(open_database(database_name)), caller)
    await opened.backend.link_repository(caller, LinkRepository(name=REPOSITORY))
    yield opened
    await opened.backend.close()


async def suggest(backend: Backend, caller: Caller) -> tuple[str, Proof | None]:
    """Suggest to close ticket 1 for pull request 50; return the id and what was seen of that."""
    made = await backend.suggest_close(caller, requests.suggest_close(1, pr_number=50))
    return made.suggestion.id, made.suggestion.proof


async def test_a_suggestion_is_shown_with_all_that_was_seen_of_its_merge(
    backend: Backend, kept: Desk, caller: Caller
) -> None:
    await kept.hear(pull_request(50, 1, body="See HO-1", merge_sha=MERGE))
    await kept.hear(check(MERGE, "passed", 2))
    suggestion, seen = await suggest(backend, caller)
    assert seen is not None
    assert (seen.state, seen.by, seen.merge_sha, seen.checks) == (
        "proven",
        "github",
        MERGE,
        "passed",
    )
    page = await backend.list_suggestions(caller, requests.list_suggestions())
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    acted = await backend.act_on_suggestion(caller, requests.execute(suggestion))
    assert [page.suggestions[0].proof, detail.suggestions[0].proof] == [seen] * 2
    assert acted.suggestion.proof == seen
    assert [change.name for change in detail.changes] == [f"{REPOSITORY}#50"]


@pytest.mark.parametrize(
    ("policy", "told", "refusal", "why"),
    [
        ("require_proof", True, EvidenceContradicted, "is still open"),
        ("require_proof", False, ProofRequired, "no linked repository has told"),
        ("four_eyes", False, Forbidden, "somebody else"),
    ],
)
async def test_what_may_not_be_executed_is_refused_with_what_was_seen(
    backend: Backend,
    kept: Desk,
    caller: Caller,
    policy: str,
    told: bool,
    refusal: type[HandoffError],
    why: str,
) -> None:
    await kept.set(**{policy: True})
    if told:
        await kept.hear(pull_request(50, 1))
    suggestion, _ = await suggest(backend, caller)
    with pytest.raises(refusal, match=why):
        await backend.act_on_suggestion(caller, requests.execute(suggestion))
