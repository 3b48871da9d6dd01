"""A cursor, real, altered or made up, shows nobody what it may not see, and breaks nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from mcp_handoff import builds, projects, suggestions, tickets
from mcp_handoff.actors import Caller, bot
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.projects import CreateProject, Project
from mcp_handoff.schema import Request
from mcp_handoff.store import cursors
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.databases import EVERY_DATABASE, in_store
from tests.http.served import OPERATOR, Served, make_token
from tests.mcp.wire import call

pytestmark = pytest.mark.proof

SEEN, SECRET = ("app", "shop"), "secret"
EXAMPLES = settings(max_examples=100, deadline=None, print_blob=True)
POSITIONS: SearchStrategy[int | str] = st.one_of(
    st.integers(-2, 5),
    st.sampled_from((2**31, 2**63 - 1, 2**63, 2**64, 10**60)),
    st.sampled_from(("", "app", "secret", "a\x00", "' OR 1=1 --", "٣", " 1", "1e3", "x" * 60)),
)


@dataclass(frozen=True, slots=True)
class List:
    """A list of REST and its tool, where it has one, and what in the answers of each names what is
    listed."""

    path: str
    tool: str | None
    rows: str
    request: Request
    id: str
    tool_rows: str = ""
    tool_id: str = ""


LISTS = (
    List(
        "/projects/shop/tickets",
        "find_tickets",
        "tickets",
        tickets.FindTickets(),
        "reference",
        "tickets",
        "ticket",
    ),
    List(
        "/projects/shop/ai-suggestions",
        "list_suggestions",
        "suggestions",
        suggestions.ListSuggestions(),
        "id",
        "suggestions",
        "suggestion_id",
    ),
    List(
        "/v1/org/default/builds",
        "find_builds",
        "items",
        builds.FindBuilds(),
        "id",
        "builds",
        "build_id",
    ),
    List("/projects", None, "projects", projects.ListProjects(), "slug"),
    List("/tickets", None, "tickets", tickets.FindAllTickets(), "reference"),
)


@dataclass(frozen=True, slots=True)
class Board:
    """What there is: by path the ids that its list is bound to, those of the secret project, and
    all that may be seen."""

    scopes: Mapping[str, Sequence[str]]
    secret: Sequence[str]
    seen: set[str]


async def fill(store: StoreBackend) -> Board:
    """File three tickets in each project, each with a suggestion and a build."""
    started, seen = dict[str, Project](), set(SEEN)
    for slug in (*SEEN, SECRET):
        made = await store.create_project(OPERATOR, CreateProject(name=slug))
        started[slug] = made.project
        caller = Caller(bot("agent-1"), project=slug)
        for number in (1, 2, 3):
            request = requests.create_ticket(title=f"Ticket {number} of {slug}")
            ticket = (await store.create_ticket(caller, request)).ticket
            suggested = await store.suggest_close(caller, requests.suggest_close(number))
            run = await store.trigger_bot_build(caller, requests.trigger_bot_build(number))
            if slug != SECRET:
                build = run.ticket.ai_output["build_run"]["build_id"]
                seen |= {ticket.name, suggested.suggestion.id, build}
    shop, secret = started["shop"], started[SECRET]
    scopes = {
        "/projects/shop/tickets": [shop.id],
        "/projects/shop/ai-suggestions": [shop.id, ""],
        "/v1/org/default/builds": [str(shop.organization_id), ""],
        "/projects": [],
        "/tickets": [],
    }
    return Board(scopes, [secret.id], seen)


class Doors:
    """REST and MCP of a server, for the bearer of a token that is limited to projects."""

    def __init__(self, served: Served) -> None:
        self._http = served.http

    def over_rest(self, listed: List, **query: Any) -> tuple[bool, Mapping[str, Any]]:
        """Return whether a call was done, and what came."""
        response = self._http.get(f"/api{listed.path}", params=query)
        assert response.status_code in (200, 400, 422), response.text
        return response.status_code == 200, response.json()

    def over_mcp(self, listed: List, **arguments: Any) -> tuple[bool, Mapping[str, Any]]:
        """Return the same of the tool."""
        assert listed.tool is not None
        project = {"project": "shop"} if listed.tool in ("find_tickets", "list_suggestions") else {}
        response: httpx2.Response = self._http.post(
            "/mcp",
            json=call(1, listed.tool, **project, **arguments),
            headers={
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": "2026-07-28",
                "Mcp-Method": "tools/call",
                "Mcp-Name": listed.tool,
            },
        )
        result = response.json()["result"]
        return not result.get("isError", False), result["structuredContent"]


@st.composite
def made_up(draw: DrawFn, listed: List, board: Board) -> str:
    """Draw the cursor of whoever knows how they are made: of the query of either door."""
    tools = [tool for tool in TOOLS if tool.name == listed.tool]
    by_tool = [tool.request.model_validate(tool.fixed) for tool in tools]
    asked = draw(st.sampled_from((listed.request, *by_tool)))
    own = board.scopes[listed.path]
    scope = draw(st.sampled_from((own, own, board.secret)))
    return cursors.encode(draw(POSITIONS), asked, *scope)


@st.composite
def altered(draw: DrawFn, cursor: str) -> str:
    """Draw a real cursor with something else at some place."""
    start, end = draw(st.integers(0, len(cursor))), draw(st.integers(0, len(cursor)))
    return cursor[:start] + draw(st.text(max_size=20)) + cursor[end:]


@pytest.mark.parametrize("name", EVERY_DATABASE)
def test_no_cursor_shows_more_than_its_list_or_breaks_it(
    name: str, store: Path, request: pytest.FixtureRequest
) -> None:
    database = str(request.getfixturevalue(name))
    board = in_store(database, fill)
    token = make_token(database, "ci-bot", "user", *SEEN)
    backend = {"HANDOFF_BACKEND": database} if name == "postgres" else {}
    with Served(store, token=token, HANDOFF_RATE_LIMIT="0", **backend) as served:
        doors, real = Doors(served), dict[str, str]()
        for listed in LISTS:
            done, page = doors.over_rest(listed, limit=1)
            assert done
            real[listed.path] = page["next_cursor"]
            assert doors.over_rest(listed, limit=1, cursor=page["next_cursor"])[0]

        @EXAMPLES
        @given(st.sampled_from(LISTS), st.data())
        def check(listed: List, data: st.DataObject) -> None:
            changed = altered(real[listed.path]) | st.text(max_size=210)
            cursor = data.draw(made_up(listed, board) | changed)
            asked = [(doors.over_rest, listed.rows, listed.id)]
            if listed.tool:
                asked.append((doors.over_mcp, listed.tool_rows, listed.tool_id))
            for ask, rows, name in asked:
                done, came = ask(listed, limit=2, cursor=cursor)
                if done:
                    assert {row[name] for row in came[rows]} <= board.seen
                else:
                    assert "cursor" in str(came)

        check()


def test_a_page_goes_on_under_another_name_of_its_project(store: Path) -> None:
    async def read_two(opened: StoreBackend) -> list[int | None]:
        await fill(opened)
        caller = Caller(bot("agent-1"), project="shop")
        first = await opened.find_tickets(caller, requests.find_tickets(limit=1))
        [project] = {ticket.project_id for ticket in first.tickets}
        second = await opened.find_tickets(
            caller, requests.find_tickets(project=project, cursor=first.next_cursor)
        )
        return [ticket.number for ticket in (*first.tickets, *second.tickets)]

    assert in_store(store, read_two) == [3, 2, 1]
