"""Whatever an agent sends, it gets an answer that it can act on, and bad input leaves no trace."""

import json
import string
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator
from mcp import Client
from mcp_types import CallToolResult, TextContent, Tool

from mcp_handoff.actors import BOT
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.errors import HandoffError, ValidationFailed
from mcp_handoff.mcp.arguments import Reading
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.references import parse_name
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.text.characters import folded
from mcp_handoff.validation import Arguments as Checked
from tests.clock import SteppedClock
from tests.mcp.agent import Agent
from tests.properties.arguments import (
    BUILD,
    FIELDS,
    FRESH_TICKET,
    LARGEST,
    PROJECT,
    SECRETS,
    SUGGESTION,
    TOO_LARGE,
    Arguments,
    anything,
    broken,
    right,
    shown,
)
from tests.requests import TICKET

pytestmark = pytest.mark.proof

Sent = TypeVar("Sent")
Nest = Callable[[str], Arguments]
Secrets = Mapping[str, tuple[str, str]]
Place = tuple[str, str]

BOUNDED = settings(
    deadline=None,
    print_blob=True,
    # The examples of a test share its store on purpose: opening one takes longer than a call.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MANY = settings(BOUNDED, max_examples=150)

FOREIGN = ("traceback", "pydantic", "apsw", "sqlite", "://", "www.", "\\n")


def codes(kind: type[HandoffError] = HandoffError) -> Iterator[str]:
    """Every code that a caller may be told but INTERNAL, which is a defect."""
    for child in kind.__subclasses__():
        yield from {child.code, *codes(child)} - {"INTERNAL"}


class Board:
    """A server in project shop with ticket 1, which qa keeps open, and the SDK's client on it.

    Whatever is called, the answer is checked against what tools/list and errors.py promise.
    """

    def __init__(self, client: Client, clock: SteppedClock, store: Path) -> None:
        self.client = client
        self.clock = clock
        self.store = store
        self._reader = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
        tables = "SELECT group_concat(name, ' ') FROM pragma_table_list WHERE strict"
        self._tables: list[str] = self._value(tables).split()
        self._tools: dict[str, Tool] = {}

    async def prepare(self) -> None:
        self._tools = {tool.name: tool for tool in (await self.client.list_tools()).tools}
        await self.accepted("create_ticket", {**TICKET, "roles": ["backend", "qa"]})

    def close(self) -> None:
        self._reader.close()

    def schema(self, tool: str) -> dict[str, Any]:
        return self._tools[tool].input_schema

    async def call(self, tool: str, arguments: Arguments) -> CallToolResult:
        result = await self.client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        if result.is_error:
            assert_well_told(result)
        else:
            assert fits(structured(result), self._tools[tool].output_schema or {})
            assert fits(as_listed(tool, arguments), self.schema(tool))
        return result

    async def accepted(self, tool: str, arguments: Arguments) -> dict[str, Any]:
        """Return the structured result of a call that succeeds."""
        result = await self.call(tool, arguments)
        assert not result.is_error, result.content
        return structured(result)

    async def refused(self, tool: str, arguments: Arguments) -> dict[str, Any]:
        """Return the error of a call that is refused and changed nothing."""
        before = self.state()
        result = await self.call(tool, arguments)
        assert result.is_error, result.content
        assert self.state() == before
        return structured(result)["error"]

    async def filled(self, arguments: Arguments) -> Arguments:
        """Return arguments with names of what is really there."""
        if FRESH_TICKET in arguments.values():
            filed = await self.accepted("create_ticket", TICKET)
            arguments = {**arguments, "ticket": filed["ticket"]}
        if BUILD in arguments.values():
            triggered = await self.accepted("trigger_bot_build", {"ticket": 1})
            named = {name for name, value in arguments.items() if value == BUILD}
            arguments = {**arguments, **dict.fromkeys(named, triggered["build_id"])}
        if SUGGESTION in arguments.values():
            made = await self.accepted("suggest_close", {"ticket": 1, "evidence": {"pr": 7}})
            arguments = {**arguments, "suggestion_id": made["suggestion_id"]}
        return arguments

    async def newest(self) -> list[Any]:
        """Return a page of tickets, and the first and the newest one whole."""
        page = await self.accepted("find_tickets", {"limit": 1})
        numbers = (1, self._value("SELECT max(number) FROM tickets"))
        read = [await self.accepted("get_ticket", {"ticket": each}) for each in numbers]
        return [page, *read, await Agent(self.client).whole(1)]

    def state(self) -> list[int]:
        """Return how many rows each table has, and what changes with every commit that writes."""
        counts = [f"SELECT count(*) FROM {table}" for table in self._tables]
        return [self._value(query) for query in ("PRAGMA data_version", *counts)]

    def bytes(self) -> bytes:
        """Return all that lies on the disk."""
        return b"".join(file.read_bytes() for file in self.store.parent.glob("handoff.db*"))

    def _value(self, query: str) -> Any:
        return self._reader.execute(query).get  # pyright: ignore[reportUnknownMemberType] - its stub names a type that Python 3.11 has not


@pytest.fixture
async def desk(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[Board]:
    store = tmp_path / "handoff.db"
    backend = StoreBackend(SqliteDatabase.open(store, clock=clock))
    settings = read_settings({"HANDOFF_PROJECT": PROJECT}, tmp_path)
    served = HandoffServer(Toolbox(Desk(backend, settings), settings))
    async with Client(served) as client:
        opened = Board(client, clock, store)
        await opened.prepare()
        yield opened
        opened.close()
    await backend.close()


def structured(result: CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None
    return result.structured_content


def assert_well_told(result: CallToolResult) -> None:
    """Assert that an error has a known code and one readable line in our words."""
    error: dict[str, Any] = structured(result)["error"]
    fields: dict[str, str] = error.get("fields", {})
    ours = list(fields.values()) or [error["message"]]  # with fields, a message has their names
    assert error["code"] in set(codes()), error
    assert [line for line in [error["message"], *ours] if len(line.splitlines()) != 1] == []
    assert [word for word in FOREIGN for line in ours if word in line.lower()] == []
    assert error.get("fields") or error["code"] not in ("VALIDATION_ERROR", "ROLES_REQUIRED")
    assert result.content == [TextContent(text=f"{error['code']}: {error['message']}")]


def fits(value: Arguments, schema: Mapping[str, Any]) -> bool:
    return Draft202012Validator(schema).is_valid(value)  # pyright: ignore[reportUnknownMemberType] - its stub has an overload without types


READINGS = {tool.name: Reading.of(tool.request, hidden=tool.fixed) for tool in TOOLS}
REQUESTS = {tool.name: tool.request for tool in TOOLS}


def as_listed(tool: str, arguments: Arguments) -> Arguments:
    """Return arguments as they were meant, which is as the tool's schema has them."""
    meant = READINGS[tool].meant(arguments)
    return {name: as_told(value) for name, value in meant.items()}


def as_told(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def is_given(value: Any) -> bool:
    return value is not None and as_told(value) != ""


def parsed(tool: str, arguments: Mapping[str, Any]) -> Arguments:
    """Return the fields of the request that arguments make, each ticket by what its name says."""
    request = Checked(REQUESTS[tool], arguments).parse(BOT).model_dump(exclude_unset=True)
    if "ticket" in request:
        request["ticket"] = parse_name(request["ticket"])
    if request.get("blocked_by"):
        request["blocked_by"] = [*dict.fromkeys(map(parse_name, request["blocked_by"]))]
    return request


def calls(arguments: Callable[[str], SearchStrategy[Sent]]) -> SearchStrategy[tuple[str, Sent]]:
    """Tools, each with such arguments."""
    return st.sampled_from([*FIELDS]).flatmap(
        lambda tool: st.tuples(st.just(tool), arguments(tool))
    )


def test_the_strategies_know_every_argument_that_is_listed() -> None:
    for tool in TOOLS:
        schema = tool.listed()["inputSchema"]
        required = [name for name, field in FIELDS[tool.name].items() if field.required]
        assert list(schema["properties"]) == list(FIELDS[tool.name])
        assert schema.get("required", []) == required


@settings(BOUNDED, max_examples=600)
@given(call=calls(anything))
async def test_whatever_is_sent_is_answered_and_bad_input_leaves_no_trace(
    desk: Board, call: tuple[str, Arguments]
) -> None:
    tool, arguments = call
    arguments = await desk.filled(arguments)
    before = desk.state()
    result = await desk.call(tool, arguments)
    if result.is_error or tool.startswith(("find", "get", "list")):
        assert desk.state() == before


@settings(BOUNDED, max_examples=300)
@given(call=calls(partial(right, without=["idempotency_key"])))
async def test_right_arguments_are_taken(desk: Board, call: tuple[str, Arguments]) -> None:
    tool, arguments = call
    await desk.accepted(tool, await desk.filled(arguments))


@settings(BOUNDED, max_examples=500)
@given(call=calls(broken))
async def test_every_wrong_argument_is_named_at_once(
    desk: Board, call: tuple[str, tuple[Arguments, set[str], bool]]
) -> None:
    tool, (arguments, wrong, listed) = call
    error = await desk.refused(tool, await desk.filled(arguments))
    assert {path.split(".")[0] for path in error["fields"]} == wrong
    unknown = arguments.keys() - desk.schema(tool)["properties"].keys()
    assert unknown or not (listed and fits(arguments, desk.schema(tool)))


@settings(BOUNDED, max_examples=1_000)
@given(call=calls(lambda tool: right(tool) | anything(tool)))
def test_what_is_said_well_keeps_its_meaning(call: tuple[str, Arguments]) -> None:
    tool, arguments = call
    meant = READINGS[tool].meant(arguments)
    assert READINGS[tool].meant(meant) == meant
    fields = READINGS[tool].fields
    given = {name: each for name, each in arguments.items() if is_given(each) or name not in fields}
    try:
        said = parsed(tool, given)
    except ValidationFailed:
        reject()
    assert parsed(tool, meant) == said


@MANY
@given(arguments=right("create_ticket", without=["idempotency_key", "blocked_by"]))
async def test_a_ticket_reads_as_it_was_filed(desk: Board, arguments: Arguments) -> None:
    desk.clock.advance(minutes=11)
    meant = as_listed("create_ticket", arguments)
    meant["title"] = folded(meant["title"])
    roles = [*dict.fromkeys(meant.pop("roles")), "merged"]
    created = await desk.accepted("create_ticket", arguments)
    read = await Agent(desk.client).whole(created["ticket"])
    defaults = {"priority": "medium", "blocking": False, "stage": "backlog", "status": "open"}
    expected = {**defaults, **shown(meant), "actor_role": "bot", "source": "bot"}
    expected.pop("project", None)
    assert read["ticket"]["roles"] == [{"role": role, "status": "pending"} for role in roles]
    assert {name: read["ticket"].get(name) for name in expected} == expected
    assert created["waits_for"] == roles[:-1]


BASES: Mapping[str, Arguments] = {
    "create_ticket": TICKET,
    "take_ticket": {"ticket": FRESH_TICKET, "role": "backend"},
    "update_ticket": {"ticket": FRESH_TICKET, "blocking": True},
    "add_message": {"ticket": 1, "body": "Half of it is done."},
    "trigger_bot_build": {"ticket": FRESH_TICKET},
    "suggest_close": {"ticket": 1, "evidence": {"pr": 7}},
    "act_on_suggestion": {"suggestion_id": SUGGESTION, "action": "execute"},
    "report_build": {"build_id": BUILD, "status": "failed"},
    "update_build": {"build_id": BUILD},
}


KEPT_TEXTS: Mapping[Place, tuple[int, int]] = {
    ("create_ticket", "title"): (5, 140),
    ("create_ticket", "description"): (10, 5000),
    ("create_ticket", "suggested_resolution"): (0, 2000),
    ("create_ticket", "implementation_notes"): (0, 5000),
    ("take_ticket", "note"): (0, 5000),
    ("update_ticket", "note"): (0, 5000),
    ("update_ticket", "title"): (5, 140),
    ("update_ticket", "description"): (10, 5000),
    ("add_message", "body"): (1, 25_000),
    ("act_on_suggestion", "reason"): (0, 2000),
    ("report_build", "error_message"): (0, 2000),
    ("update_build", "description"): (0, 2000),
}
NAMES: Mapping[Place, tuple[int, int]] = {
    ("create_ticket", "idempotency_key"): (1, 255),
    ("trigger_bot_build", "provider"): (1, 200),
    ("report_build", "build_ref"): (1, 200),
    ("update_build", "display_name"): (1, 200),
}
OTHER_TEXTS = {("find_tickets", "query"): (0, 200)}
OBJECTS = (
    ("create_ticket", "evidence"),
    ("suggest_close", "evidence"),
    ("update_build", "metadata"),
)


def sized(low: int, high: int) -> tuple[list[str], list[str]]:
    """Return texts just within these lengths, and texts just beyond them; a text of nothing is
    none."""
    return ["x" * low, "x" * high], ["x" * size for size in (low - 1, high + 1) if size > 0]


EDGES: Mapping[Place, tuple[Sequence[Any], Sequence[Any]]] = {
    **{place: sized(*lengths) for place, lengths in {**KEPT_TEXTS, **NAMES, **OTHER_TEXTS}.items()},
    **dict.fromkeys(OBJECTS, (LARGEST, TOO_LARGE)),
    ("find_tickets", "limit"): ([1, 100, 101], [0]),
    ("list_suggestions", "limit"): ([1, 200, 201], [0]),
    ("suggest_close", "confidence"): ([0, 1], [-1e-9, 1 + 1e-9]),
    ("suggest_close", "pr_number"): ([1, 2**31 - 1], [0, 2**31]),
}


@pytest.mark.parametrize(("tool", "name"), EDGES)
async def test_limits_are_exact(desk: Board, tool: str, name: str) -> None:
    within, beyond = EDGES[tool, name]
    base = BASES.get(tool, {})
    for value in within:
        await desk.accepted(tool, {**await desk.filled(base), name: value})
    for value in beyond:
        error = await desk.refused(tool, {**await desk.filled(base), name: value})
        assert set(error["fields"]) == {name}


AROUND = ("{}", "it said {} there", "({})", '"{}"', "a\n{}\nb")
NESTS: Sequence[Nest] = (
    lambda text: {"log": ["", {"a": [text]}]},
    lambda text: {text: 1},
)


@pytest.mark.parametrize(("tool", "name"), [*KEPT_TEXTS, *OBJECTS])
@settings(BOUNDED, max_examples=6)
@given(
    secrets=st.fixed_dictionaries(dict(SECRETS)),
    around=st.sampled_from(AROUND),
    nest=st.sampled_from(NESTS),
)
async def test_a_pasted_secret_is_masked_and_its_sender_is_told(
    desk: Board, tool: str, name: str, secrets: Secrets, around: str, nest: Nest
) -> None:
    for kind, (secret, core) in secrets.items():
        text = around.format(secret)
        sent = nest(text) if (tool, name) in OBJECTS else text
        desk.clock.advance(minutes=11)
        result = await desk.accepted(tool, {**await desk.filled(BASES[tool]), name: sent})
        read = json.dumps([result, await desk.newest()])
        assert result["masked"] == [name]
        assert f"[masked: {kind}]" in read
        assert core not in read
        assert core.encode() not in desk.bytes()


@pytest.mark.parametrize(("tool", "name"), NAMES)
@settings(BOUNDED, max_examples=6)
@given(secrets=st.fixed_dictionaries(dict(SECRETS)))
async def test_a_name_that_holds_a_secret_is_refused_without_repeating_it(
    desk: Board, tool: str, name: str, secrets: Secrets
) -> None:
    for kind, (secret, core) in secrets.items():
        error = await desk.refused(tool, {**await desk.filled(BASES[tool]), name: secret})
        assert set(error["fields"]) == {name}
        assert f"a secret ({kind})" in error["message"]
        assert core not in json.dumps(error)
        assert core.encode() not in desk.bytes()


@pytest.fixture
async def full_desk(desk: Board) -> Board:
    """A desk with 24 tickets of four kinds; a quarter of the titles name the number 3."""
    for index in range(2, 25):
        desk.clock.advance(minutes=11)
        kind = {"title": f"Checkout {index % 4} fails", "roles": [("backend", "qa")[index % 2]]}
        await desk.accepted("create_ticket", {**TICKET, **kind})
    return desk


async def pages(desk: Board, query: Arguments) -> list[int]:
    numbers: list[int] = []
    cursor = {}
    while cursor is not None:
        page = await desk.accepted("find_tickets", {**query, **cursor})
        numbers += [int(ticket["ticket"].split("-")[1]) for ticket in page["tickets"]]
        assert len(page["tickets"]) <= query["limit"]
        assert len(set(numbers)) == len(numbers), "or there would be no end"
        cursor = {"cursor": page["next_cursor"]} if "next_cursor" in page else None
    return numbers


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "query": st.sampled_from(("3", "HO-3-shop", "checkout", "check*", "fails 3", "nothing")),
        "role": st.sampled_from(("backend", "qa", "design")),
    },
)


@MANY
@given(limit=st.integers(1, 4) | st.integers(5, 30), filters=FILTERS)
async def test_pages_hold_every_ticket_once_and_in_order(
    full_desk: Board, limit: int, filters: Arguments
) -> None:
    whole = await pages(full_desk, {**filters, "limit": 100})
    assert await pages(full_desk, {**filters, "limit": limit}) == whole
    assert await pages(full_desk, {"limit": limit}) == [*range(1, 25)]


@MANY
@given(
    place=st.integers(0, 18) | st.just(18),
    character=st.sampled_from(string.ascii_letters + "-_+/=")
    | st.characters(exclude_categories=["Cs"]),
)
async def test_an_altered_cursor_is_refused(full_desk: Board, place: int, character: str) -> None:
    page = await full_desk.accepted("find_tickets", {"limit": 3})
    cursor: str = page["next_cursor"]
    altered = cursor[:place] + character + cursor[place + 1 :]
    if altered.strip() != cursor:  # white space around it is not looked at
        error = await full_desk.refused("find_tickets", {"limit": 3, "cursor": altered})
        assert (error["code"], set(error["fields"])) == ("VALIDATION_ERROR", {"cursor"})
