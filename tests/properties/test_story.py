"""Whatever two actors do in two projects, in any order and at any time, the store answers as the
rules say."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mcp_handoff.actors import Caller
from tests.postgres import Server
from tests.properties.model import Build, Suggestion
from tests.properties.storyteller import (
    AGENT,
    OTHER,
    OWN,
    PERSON,
    Teller,
    given,
    named,
    newest,
    of,
    of_build,
    of_taken,
    of_updated,
    within,
)
from tests.properties.ticket_model import Fields, Ticket

pytestmark = pytest.mark.proof

NOTHING_MORE = dict.fromkeys(("evidence", "suggested_resolution", "implementation_notes"))
ABSENT: Fields = {"priority": "medium", "blocking": False, **NOTHING_MORE}
FAULT: Fields = {"title": "It fails", "description": "Checkout fails.", "request_type": "bug"}
UNSAID: Fields = {"provider": None, "repo": None}
CONTENTS: Sequence[Fields] = (
    FAULT,
    {**FAULT, "priority": "high", "evidence": {"seconds": 40}},
    {**FAULT, "request_type": "feature_request", "implementation_notes": "Ask design."},
    {**FAULT, "request_type": "clarification_needed", "blocking": True},
)
ROLE_LISTS: Sequence[list[str]] = (
    ["backend"],
    ["backend", "qa"],
    ["qa", "frontend"],
    ["design", "other"],
    [],
)
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
        "stage": st.sampled_from(("backlog", "in_progress", "validation", "live")),
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
roles = st.sampled_from(("backend", "qa", "frontend"))
places = st.integers(0, 2)
notes = st.sampled_from((None, "As it stands."))
statuses = st.sampled_from(("done", "done", "skipped", "pending", "in_progress"))
resolutions = st.sampled_from(("wont_fix", "completed", "already_done"))
stages = st.sampled_from(("backlog", "up_next", "validation"))
changes = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from((None, "", "Nightly")),
        "display_name": st.sampled_from(("Shop", "Shop 2", "Shop 3", None)),
        "is_active": st.sampled_from((True, False, True, False, None)),
        "metadata": st.sampled_from((None, {}, {"size": 1}, {"tag": ["a"]})),
    },
)


def role_of(ticket: Ticket, place: int) -> str:
    """Return one of a ticket's roles but `merged`, or one that it has not."""
    own = [role for role in ticket.roles if role != "merged"]
    return [*own, "devops"][place % (len(own) + 1)]


class Story(Teller):
    """What may happen, in any order."""

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
        self.list_ready(project, limit)
        self.find_builds(ticket, limit)
        self.find_builds(None, limit)
        for status in ("executed", "declined", "expired", "skipped", "any"):
            self.list_suggestions(project, status, limit)

    @rule(caller=callers, project=projects, role=roles, take_over=st.booleans(), key=keys)
    def take_next(
        self, caller: Caller, project: str, role: str, take_over: bool, key: str | None
    ) -> None:
        sent = given(role=role, take_over=take_over, idempotency_key=key)

        def effect(actor: str) -> tuple[Ticket, Fields]:
            return self.model.take(actor, project, role, None, take_over=take_over)

        self.both(caller, "take_ticket", {**sent, **within(project)}, of_taken, effect)

    @rule(caller=callers, age=ages, place=places, take_over=st.booleans(), key=keys)
    def take(self, caller: Caller, age: int, place: int, take_over: bool, key: str | None) -> None:
        ticket = newest(self.model.tickets, age)
        role = role_of(ticket, place)
        sent = given(role=role, take_over=take_over, idempotency_key=key)

        def effect(actor: str) -> tuple[Ticket, Fields]:
            return self.model.take(actor, ticket.project, role, ticket, take_over=take_over)

        arguments = {**named(ticket, "reference"), **sent}
        self.both(caller, "take_ticket", arguments, of_taken, effect)

    @rule(caller=callers, age=ages, place=places, status=statuses, note=notes, key=keys)
    def turn(
        self, caller: Caller, age: int, place: int, status: str, note: str | None, key: str | None
    ) -> None:
        ticket = newest(self.model.tickets, age)
        asked = given(role=role_of(ticket, place), role_status=status, note=note)
        self.change(caller, ticket, asked, key)

    @rule(age=ages, status=statuses)
    def take_over_and_turn(self, age: int, status: str) -> None:
        for caller in (AGENT, PERSON):
            self.take(caller, age, 0, take_over=True, key=None)
        for caller in (AGENT, PERSON):
            self.turn(caller, age, 0, status, None, None)

    @rule(age=ages, place=places)
    def finish_and_send_back(self, age: int, place: int) -> None:
        for each in (0, 1):
            self.turn(AGENT, age, each, "done", None, None)
        self.turn(PERSON, age, place, "pending", "Not yet.", None)

    @rule(age=ages)
    def wait_for_the_one_before(self, age: int) -> None:
        self.link(AGENT, age, {age + 1}, None)
        self.close(AGENT, age + 1, "wont_fix", None)

    @rule(caller=callers, age=ages, key=keys)
    def leave_the_merge_out(self, caller: Caller, age: int, key: str | None) -> None:
        asked = {"role": "merged", "role_status": "skipped", "note": "Nothing to merge."}
        self.change(caller, newest(self.model.tickets, age), asked, key)

    @rule(caller=callers, age=ages, resolution=resolutions, key=keys)
    def close(self, caller: Caller, age: int, resolution: str, key: str | None) -> None:
        asked = {"close_as": resolution, "note": "As agreed."}
        self.change(caller, newest(self.model.tickets, age), asked, key)

    @rule(caller=callers, age=ages, stage=stages, key=keys)
    def set_stage(self, caller: Caller, age: int, stage: str, key: str | None) -> None:
        self.change(caller, newest(self.model.tickets, age), {"stage": stage}, key)

    @rule(caller=callers, age=ages, blockers=st.sets(ages, max_size=2), key=keys)
    def link(self, caller: Caller, age: int, blockers: set[int], key: str | None) -> None:
        some = dict.fromkeys(newest(self.model.tickets, one) for one in blockers)
        self.change(caller, newest(self.model.tickets, age), {"blocked_by": [*some]}, key)

    def change(self, caller: Caller, ticket: Ticket, asked: Fields, key: str | None) -> None:
        sent = {**named(ticket, "reference"), **asked, **given(idempotency_key=key)}
        if "blocked_by" in asked:
            sent["blocked_by"] = [one.reference for one in asked["blocked_by"]]

        def effect(actor: str) -> tuple[Ticket, Fields]:
            return self.model.change(actor, ticket, asked)

        self.both(caller, "update_ticket", sent, of_updated, effect)

    @rule(caller=callers, age=ages, to_role=st.sampled_from((None, "qa")), key=keys)
    def say(self, caller: Caller, age: int, to_role: str | None, key: str | None) -> None:
        ticket = newest(self.model.tickets, age)
        said = f"Message {len(ticket.thread)}"
        sent = given(body=said, to_role=to_role, idempotency_key=key)

        def told(answer: Fields) -> Fields:
            return {**answer["message"], **answer, "id": ticket.id}

        def effect(actor: str) -> tuple[Ticket, Fields]:
            return self.model.say(actor, ticket, said, to_role)

        self.both(caller, "add_message", {**named(ticket, "reference"), **sent}, told, effect)

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

    @invariant()
    def numbers_have_no_gap(self) -> None:
        counts = "SELECT count(*) FROM tickets WHERE project_id = p.id AND number <= last_number"
        torn = f"SELECT count(*) FROM projects p WHERE last_number <> ({counts})"
        assert self.numbers(torn) == [0]

    @invariant()
    def closed_means_live_and_why(self) -> None:
        ends = ("stage = 'live'", "resolution_type IS NOT NULL", "resolved_at IS NOT NULL")
        torn = " OR ".join(f"(status = 'closed') <> ({end})" for end in ends)
        assert self.numbers(f"SELECT count(*) FROM tickets WHERE {torn}") == [0]

    @invariant()
    def every_write_left_one_event(self) -> None:
        events = sum(len(ticket.events) for ticket in self.model.tickets)
        left = "kind NOT IN ('project.created', 'suggestion.expired')"
        assert self.numbers(f"SELECT count(*) FROM events WHERE {left}") == [events]

    @invariant()
    def every_build_has_its_run_and_its_dispatch(self) -> None:
        counts = [f"SELECT count(*) FROM {table}" for table in ("builds", "build_runs", "outbox")]
        assert self.numbers(*counts) == [len(self.model.builds)] * 3


TestStory = Story.TestCase
TestStory.settings = settings(
    deadline=None, print_blob=True, max_examples=40, stateful_step_count=40
)


def test_postgresql_answers_as_the_rules_say_too(postgres_server: Server) -> None:
    class StoryInPostgresql(Story):
        def store(self) -> AbstractContextManager[str]:
            return postgres_server.schema()

    few = settings(TestStory.settings, max_examples=8)
    run_state_machine_as_test(StoryInPostgresql, settings=few)
