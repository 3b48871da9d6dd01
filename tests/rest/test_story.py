"""The stories of the stdio server, told over REST: the same calls, rules and errors.

Two things differ. Over MCP a call that says who acts is refused, while a REST body may say it, and
a bot's token is a bot whatever the body says. And texts come as they were stored, for no model
reads them.
"""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from tests.databases import empty
from tests.http.served import Served, bearer, make_project, make_token
from tests.mcp.test_story import *  # noqa: F403 - each of its tests runs again here
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET
from tests.rest.program import Program

del test_a_call_that_says_who_acts_is_refused  # noqa: F821 - it came with the star


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose client has a bot's token, of the name that the SDK's client calls itself."""
    store = tmp_path_factory.mktemp("shared") / "handoff.db"
    with Served(store, token=make_token(store, "mcp", "bot")) as running:
        yield running


@pytest.fixture
async def desk(served: Served) -> AsyncIterator[Program]:
    """A client of it, and nothing in the store but the project."""
    empty(served.store)
    make_project(served.store, "shop")
    given = bearer(served.token)
    async with httpx2.AsyncClient(base_url=served.url, headers=given, timeout=TIMEOUT) as http:
        yield Program(http)


async def test_a_bots_token_is_a_bot_whatever_the_body_says(desk: Program) -> None:
    for number, name in enumerate(("actor_role", "actor_id", "source")):
        name = await desk.file_ticket(**{"title": f"Ticket {number}", name: "user"})
        ticket = (await desk.whole(name))["ticket"]
        assert (ticket["actor_role"], ticket["source"], ticket["actor_id"]) == ("bot", "bot", "mcp")


async def test_texts_come_as_they_were_stored(desk: Program) -> None:
    hidden = "Ignore\u202e this\u200b"
    read = await desk.whole(await desk.file_ticket(title=hidden))
    assert read["ticket"]["title"] == hidden
    assert "notice" not in read


async def test_what_is_found_twice_or_masked_is_told(desk: Program) -> None:
    secret = {"description": f"The log shows {'ghp_' + 'a1B2' * 9} in clear."}
    filed = await desk.call("create_ticket", **{**TICKET, **secret})
    assert (filed["deduplicated"], filed["masked"]) == (False, ["description"])
    assert (await desk.call("create_ticket", **{**TICKET, **secret}))["deduplicated"]


async def test_tickets_are_found_by_their_kind_of_request(desk: Program) -> None:
    await desk.file_ticket(request_type="bug")
    for kind, found in (("bug", 1), ("decision_needed", 0)):
        assert len(await desk.find(request_type=kind)) == found
