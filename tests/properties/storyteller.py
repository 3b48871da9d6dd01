"""Tells a store and the model the same, and holds the one to what the other answers."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, get_type_hints

import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
)

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.errors import HandoffError
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.validation import Arguments
from tests.clock import SteppedClock
from tests.databases import open_database
from tests.properties.model import Build, Desk, Suggestion
from tests.properties.ticket_model import Fields, Refused, Ticket

Thing = Ticket | Build | Suggestion
ItemT = TypeVar("ItemT")
Told = Callable[[Fields], Fields]

OWN, OTHER = "shop", "portal"
AGENT = Caller(bot("agent-1"), project=OWN, take_minutes=0)
PERSON = Caller(Actor(role="user", source="portal", id="person-1"), project=OWN)


def given(**arguments: Any) -> Fields:
    """Return the arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def within(project: str) -> Fields:
    """Return the arguments that name a project; the callers' own needs none."""
    return {} if project == OWN else {"project": project}


def named(ticket: Ticket, form: str) -> Fields:
    """Return the arguments that name a ticket."""
    name: object = getattr(ticket, form)
    return {"ticket": name, **({} if form == "reference" else within(ticket.project))}


def seen(told: Fields, expected: Fields) -> Fields:
    """Return what of `told` the rules speak of."""
    return {name: told[name] for name in expected}


def newest(things: Sequence[ItemT], age: int) -> ItemT:
    """Return one of `things`, the newest at age 0."""
    return things[-1 - age % len(things)]


def has(ticket: Ticket, role: str | None = None, **same: str) -> bool:
    return role in (None, *ticket.roles) and seen(ticket.summary(), same) == same


def assert_all_agree(told: Sequence[Fields], expected: Sequence[Fields]) -> None:
    assert [seen(*both) for both in zip(told, expected, strict=True)] == expected


def of(name: str) -> Told:
    return lambda answer: {**answer, **answer[name]}


def of_build(answer: Fields) -> Fields:
    run = answer["ticket"]["ai_output"]["build_run"]
    return {**answer["ticket"], "id": run["build_id"], "ai_output": {"build_run": without_ids(run)}}


def without_ids(run: Fields) -> Fields:
    return {name: value for name, value in run.items() if name not in ("id", "build_id")}


def of_taken(answer: Fields) -> Fields:
    return {**answer, **answer["detail"]["ticket"]}


def of_updated(answer: Fields) -> Fields:
    return {**answer["ticket"], "unblocked": sorted(answer["unblocked"])}


@contextmanager
def file_store() -> Generator[str]:
    """Yield where a fresh file lies."""
    with TemporaryDirectory() as directory:
        yield str(Path(directory) / "handoff.db")


class Teller(RuleBasedStateMachine):
    """Tells a store and the model the same and compares what they answer."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SteppedClock()
        self.model = Desk(self.clock, bots={"agent-1"})
        self.stack = ExitStack()
        name = self.stack.enter_context(self.store())
        self.runner = self.stack.enter_context(asyncio.Runner())
        self.backend = StoreBackend(open_database(name, clock=self.clock))
        self.keyed: list[Callable[[], object]] = []
        self.ids: set[str] = set()

    def store(self) -> AbstractContextManager[str]:
        """Make a fresh store, and return its name: a file."""
        return file_store()

    def teardown(self) -> None:
        with self.stack:
            self.runner.run(self.backend.close())

    def call(self, caller: Caller, operation: str, arguments: Fields) -> Fields:
        """Return what the store answers."""
        act = getattr(self.backend, operation)
        sent = Arguments(get_type_hints(act)["request"], arguments)
        request = sent.parse(caller.actor.role)
        return self.runner.run(act(caller, request)).model_dump()

    def both(
        self,
        caller: Caller,
        operation: str,
        arguments: Fields,
        told: Told,
        effect: Callable[[str], tuple[Thing, Fields]],
    ) -> None:
        """Do it in the store and in the model; `effect` is what it does to the model."""
        actor, key = caller.actor.id or "", arguments.get("idempotency_key")
        act = partial(effect, actor)
        if key is not None:
            self.keyed.append(partial(self.both, caller, operation, arguments, told, effect))
        try:
            thing, expected = self.model.once(actor, operation, key, arguments, act)
        except Refused as refused:
            self.assert_refused(caller, operation, arguments, *refused.args)
        else:
            answer = told(self.call(caller, operation, arguments))
            assert seen(answer, expected) == expected
            self.learn(thing, answer["id"])
            self.read(thing if isinstance(thing, Ticket) else thing.ticket, "id")

    def assert_refused(
        self, caller: Caller, operation: str, arguments: Fields, code: str, state: str | None
    ) -> None:
        with pytest.raises(HandoffError) as raised:
            self.call(caller, operation, arguments)
        assert (raised.value.code, raised.value.state) == (code, state)

    def learn(self, thing: Thing, told: str) -> None:
        """Take the id of what is new, and hold what is known to the id that it has."""
        if not thing.id:
            assert told not in self.ids
            self.ids.add(told)
            thing.id = told
        assert thing.id == told

    def pages(self, operation: str, rows: str, arguments: Fields) -> list[Fields]:
        found: list[Fields] = []
        cursor: Fields = {}
        while cursor.get("cursor", "first"):
            page = self.call(AGENT, operation, {**arguments, **cursor})
            found += page[rows]
            assert len(page[rows]) <= arguments["limit"]
            assert len({row["id"] for row in found}) == len(found), "or there would be no end"
            cursor = {"cursor": page["next_cursor"]}
        return found

    def find(self, project: str, sought: Fields, limit: int) -> None:
        stages = {"stage": [sought["stage"]]} if "stage" in sought else {}
        arguments = {"status": "any", **sought, **stages, **within(project), "limit": limit}
        wanted = [
            {**ticket.summary(), "id": ticket.id}
            for ticket in reversed(self.model.tickets)
            if ticket.project == project and has(ticket, **sought)
        ]
        assert_all_agree(self.pages("find_tickets", "tickets", arguments), wanted)
        listed = self.call(AGENT, "list_projects", {})["projects"]
        assert [project["slug"] for project in listed] == [OTHER, OWN]

    def read(self, ticket: Ticket, form: str) -> None:
        detail = self.call(AGENT, "get_ticket", named(ticket, form))
        made = [one.view(self.clock()) for one in self.model.suggestions if one.ticket is ticket]
        runs = [{"build_run": build.run} for build in self.model.builds if build.ticket is ticket]
        output = detail["ticket"]["ai_output"]
        assert_all_agree([detail["ticket"]], [ticket.whole()])
        assert_all_agree(detail["builds"], self.built(ticket))
        assert [one["body"] for one in detail["messages"]] == ticket.thread[:-6:-1]
        held = {one["role"]: (one["actor_id"], one["fence"]) for one in detail["takes"]}
        assert held == {role: (one.holder, one.fence) for role, one in ticket.held.items()}
        assert_all_agree(detail["suggestions"], made[:-6:-1])
        assert runs == ([{"build_run": without_ids(output["build_run"])}] if output else [])
        self.assert_history(ticket, detail["events"])

    def assert_history(self, ticket: Ticket, events: list[Fields]) -> None:
        # When an expiry is written down is left to the store.
        told = [event for event in events if event["kind"] != "suggestion.expired"]
        known = ticket.events[: -len(told) - 1 : -1]
        assert [(event["kind"], event["actor_id"], event["created_at"]) for event in told] == known

    def list_ready(self, project: str, limit: int) -> None:
        for role in ("backend", "frontend", "qa"):
            asked = {"ready": True, "role": role, "order": "urgency", "limit": limit}
            rows = self.pages("find_tickets", "tickets", {**asked, **within(project)})
            wanted = [ticket.reference for ticket in self.model.ready(project, role)]
            assert [row["reference"] for row in rows] == wanted

    def find_builds(self, ticket: Ticket | None, limit: int) -> None:
        arguments = given(ticket=ticket and ticket.reference, limit=limit)
        assert_all_agree(self.pages("find_builds", "items", arguments), self.built(ticket))

    def built(self, ticket: Ticket | None) -> list[Fields]:
        every = reversed(self.model.builds)
        return [build.view() for build in every if ticket in (None, build.ticket)]

    def list_suggestions(self, project: str, status: str, limit: int) -> None:
        wanted = [
            one.view(self.clock())
            for one in reversed(self.model.suggestions)
            if one.ticket.project == project and status in ("any", one.status(self.clock()))
        ]
        arguments = {**within(project), "status": status, "limit": limit}
        listed = self.pages("list_suggestions", "suggestions", arguments)
        assert_all_agree(listed, wanted)
        assert all(one["reason"] for one in listed if one["status"] == "skipped")

    def numbers(self, *queries: str) -> list[int]:
        """Return what each of these queries of one number finds."""
        sql = " UNION ALL ".join(
            f"SELECT {place} AS place, ({query}) AS number" for place, query in enumerate(queries)
        )
        rows = self.runner.run(
            self.backend.database.read(lambda tx: tx.fetch_all(f"{sql} ORDER BY place"))
        )
        return [row["number"] for row in rows]
