"""Whatever two actors do in two projects, in any order and at any time, the store answers as the
rules say."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, get_type_hints

import apsw
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.errors import HandoffError
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.validation import Arguments
from tests.clock import SteppedClock
from tests.properties.model import Build, Desk, Fields, Refused, Suggestion, Ticket

Thing = Ticket | Build | Suggestion
ItemT = TypeVar("ItemT")
Told = Callable[[Fields], Fields]

OWN, OTHER = "shop", "portal"
AGENT = Caller(bot("agent-1"), project=OWN)
PERSON = Caller(Actor(role="user", source="portal", id="person-1"), project=OWN)

NOTHING_MORE = dict.fromkeys(("evidence", "suggested_resolution", "implementation_notes"))
ABSENT: Fields = {"priority": "medium", "blocking": False, **NOTHING_MORE}
FAULT: Fields = {"title": "It fails", "description": "Checkout fails.", "request_type": "bug"}
UNSAID: Fields = {"provider": None, "repo": None}
CONTENTS: Sequence[Fields] = (
    FAULT,
    {**FAULT, "priority": "high", "evidence": {"seconds": 40}},
    {**FAULT, "request_type": "feature_request", "implementation_notes": "Ask design."},
)
ROLE_LISTS: Sequence[list[str]] = (["backend"], ["qa", "frontend"], ["design", "other"], [])
# No few of these make ten minutes or fourteen days: the rules leave the very instant open.
STEPS = (599, 601, 599, 601, 14 * 24 * 3600 - 1, 14 * 24 * 3600 + 1)

callers = st.sampled_from((AGENT, PERSON))
projects = st.sampled_from((OWN, OTHER))
keys = st.sampled_from((None, None, None, "key-1", "key-2"))
ages = st.integers(0, 7)
limits = st.sampled_from((1, 2, 3, 100))
forms = st.sampled_from(("number", "reference", "id"))
repos = st.sampled_from((None, "owner/name"))
filters = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(("open", "closed")),
        "stage": st.sampled_from(("backlog", "validation", "live")),
        "role": st.sampled_from(("backend", "qa", "other")),
    },
)
askings = st.fixed_dictionaries({"provider": st.sampled_from((None, "docker")), "repo": repos})
evidences = st.fixed_dictionaries(
    {
        "evidence": st.sampled_from(({}, {"pr": 7})),
        "confidence": st.sampled_from((None, 0.5)),
        "merge_sha": st.sampled_from((None, "1a2b3c4", "f" * 40)),
        "pr_number": st.sampled_from((None, 7)),
        "repo": repos,
    }
)
changes = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from((None, "", "Nightly")),
        "display_name": st.sampled_from(("Shop", "Shop 2", "Shop 3", None)),
        "is_active": st.sampled_from((True, False, True, False, None)),
        "metadata": st.sampled_from((None, {}, {"size": 1}, {"tag": ["a"]})),
    },
)


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


class Story(RuleBasedStateMachine):
    """Tells the store and the model the same and compares what they answer."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        store = Path(self.directory.name) / "handoff.db"
        self.clock = SteppedClock()
        self.model = Desk(self.clock, bots={"agent-1"})
        self.runner = asyncio.Runner()
        database = SqliteDatabase.open(store, clock=self.clock)
        self.backend = StoreBackend(database)
        self.reader = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
        self.keyed: list[Callable[[], object]] = []
        self.ids: set[str] = set()

    def teardown(self) -> None:
        self.reader.close()
        self.runner.run(self.backend.close())
        self.runner.close()
        self.directory.cleanup()

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

    @initialize(said=st.lists(evidences, min_size=4, max_size=4))
    def begin(self, said: list[Fields]) -> None:
        self.call(PERSON, "create_project", {"name": OTHER.title()})
        self.file(AGENT, OWN, FAULT, ["backend"], None)
        self.file(PERSON, OTHER, FAULT, ["qa", "frontend"], None)
        for age, one in enumerate(said):
            self.suggest(AGENT, age % 2, "id", one, None)
        self.trigger(AGENT, 0, "number", UNSAID, None)

    @rule(age=ages, said=evidences)
    def close_and_build(self, age: int, said: Fields) -> None:
        self.suggest(AGENT, age, "id", said, None)
        self.act(PERSON, 0, "execute", None)
        self.trigger(PERSON, age, "id", UNSAID, None)

    @rule(seconds=st.sampled_from(STEPS))
    def let_time_pass(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)
        self.list_suggestions(OWN, "pending", 100)

    @rule()
    def mark_what_expired(self) -> None:
        self.runner.run(self.backend.expire_suggestions())

    @precondition(lambda self: self.keyed)
    @rule(age=ages)
    def send_again(self, age: int) -> None:
        newest(self.keyed, age)()

    @rule(
        caller=callers,
        project=projects,
        said=st.sampled_from(CONTENTS),
        roles=st.sampled_from(ROLE_LISTS),
        key=keys,
    )
    def file(
        self, caller: Caller, project: str, said: Fields, roles: list[str], key: str | None
    ) -> None:
        # A bot that names no role is refused before its key is looked at.
        key = key if roles else None
        content = {**ABSENT, **said}
        sent = given(**content, roles=roles or None, idempotency_key=key)

        def effect(actor: str) -> tuple[Ticket, Fields]:
            return self.model.create(actor, project, content, roles, keyed=bool(key))

        self.both(caller, "create_ticket", {**sent, **within(project)}, of("ticket"), effect)

    @rule(age=ages)
    def file_the_same(self, age: int) -> None:
        like = newest(self.model.tickets, age)
        roles = [role for role in like.roles if role != "merged"]
        caller = AGENT if like.actor == AGENT.actor.id else PERSON
        self.file(caller, like.project, given(**like.content), roles, None)

    @rule(project=projects, sought=filters, age=ages, form=forms, limit=limits)
    def look(self, project: str, sought: Fields, age: int, form: str, limit: int) -> None:
        ticket = newest(self.model.tickets, age)
        self.read(ticket, form)
        self.find(project, sought, limit)
        self.find_builds(ticket, limit)
        self.find_builds(None, limit)
        for status in ("executed", "declined", "expired", "skipped", "any"):
            self.list_suggestions(project, status, limit)

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
        assert_all_agree(detail["suggestions"], made[:-6:-1])
        assert runs == ([{"build_run": without_ids(output["build_run"])}] if output else [])
        self.assert_history(ticket, detail["events"])

    def assert_history(self, ticket: Ticket, events: list[Fields]) -> None:
        # When an expiry is written down is left to the store.
        told = [event for event in events if event["kind"] != "suggestion.expired"]
        known = ticket.events[: -len(told) - 1 : -1]
        assert [(event["kind"], event["actor_id"], event["created_at"]) for event in told] == known

    @rule(caller=callers, age=ages, form=forms, asked=askings, key=keys)
    def trigger(self, caller: Caller, age: int, form: str, asked: Fields, key: str | None) -> None:
        ticket = newest(self.model.tickets, age)
        arguments = {**named(ticket, form), **given(**asked, idempotency_key=key)}

        def effect(actor: str) -> tuple[Build, Fields]:
            return self.model.trigger(actor, ticket, asked)

        self.both(caller, "trigger_bot_build", arguments, of_build, effect)

    @precondition(lambda self: self.model.builds)
    @rule(caller=callers, age=ages, changed=changes)
    def update(self, caller: Caller, age: int, changed: Fields) -> None:
        build = newest(self.model.builds, age)
        self.both(
            caller,
            "update_build",
            {"build_id": build.id, **changed},
            dict[str, Any],
            lambda actor: self.model.update(actor, build, changed),
        )

    def find_builds(self, ticket: Ticket | None, limit: int) -> None:
        arguments = given(ticket=ticket and ticket.reference, limit=limit)
        assert_all_agree(self.pages("find_builds", "items", arguments), self.built(ticket))

    def built(self, ticket: Ticket | None) -> list[Fields]:
        every = reversed(self.model.builds)
        return [build.view() for build in every if ticket in (None, build.ticket)]

    @rule(caller=callers, age=ages, form=forms, said=evidences, key=keys)
    def suggest(self, caller: Caller, age: int, form: str, said: Fields, key: str | None) -> None:
        ticket = newest(self.model.tickets, age)
        arguments = {**named(ticket, form), **given(**said, idempotency_key=key)}

        def effect(actor: str) -> tuple[Suggestion, Fields]:
            return self.model.suggest(actor, ticket, said)

        self.both(caller, "suggest_close", arguments, of("suggestion"), effect)

    @rule(
        caller=callers,
        age=ages,
        action=st.sampled_from(("execute", "execute", "decline")),
        reason=st.sampled_from((None, "As agreed.")),
    )
    def act(self, caller: Caller, age: int, action: str, reason: str | None) -> None:
        suggestion = newest(self.model.suggestions, age)
        told = given(suggestion_id=suggestion.id, action=action, reason=reason)
        self.both(
            caller,
            "act_on_suggestion",
            {**told, **within(suggestion.ticket.project)},
            of("suggestion"),
            lambda actor: self.model.act(actor, suggestion, action, reason),
        )

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

    @invariant()
    def numbers_have_no_gap(self) -> None:
        counts = "SELECT count(*) FROM tickets WHERE project_id = p.id AND number <= last_number"
        assert self.number(f"SELECT count(*) FROM projects p WHERE last_number <> ({counts})") == 0

    @invariant()
    def closed_means_live_and_completed(self) -> None:
        ends = ("stage = 'live'", "resolution_type IS 'completed'", "resolved_at IS NOT NULL")
        torn = " OR ".join(f"(status = 'closed') <> ({end})" for end in ends)
        assert self.number(f"SELECT count(*) FROM tickets WHERE {torn}") == 0

    @invariant()
    def every_write_left_one_event(self) -> None:
        events = sum(len(ticket.events) for ticket in self.model.tickets)
        left = "kind NOT IN ('project.created', 'suggestion.expired')"
        assert self.number(f"SELECT count(*) FROM events WHERE {left}") == events

    @invariant()
    def every_build_has_its_run_and_its_dispatch(self) -> None:
        counts = [f"SELECT count(*) FROM {table}" for table in ("builds", "build_runs", "outbox")]
        assert [*map(self.number, counts)] == [len(self.model.builds)] * 3

    def number(self, query: str) -> int:
        return self.reader.execute(query).get  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - its stub names a type that Python 3.11 has not


TestStory = Story.TestCase
TestStory.settings = settings(
    deadline=None, print_blob=True, max_examples=80, stateful_step_count=40
)
