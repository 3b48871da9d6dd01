"""What a store looks for now and then, and what it lists, it finds by an index."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, cast

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.people import ListPeople
from mcp_handoff.pruning import Prune
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.signals import ListSignals
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.sqlite.transaction import SqliteTransaction
from mcp_handoff.store import (
    all_tickets,
    builds,
    held_roles,
    idempotency,
    messages,
    outbox,
    people,
    project_history,
    pruning,
    signals,
    suggestion_rows,
    suggestions,
    tickets,
    webhook_events,
)
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Database, Row, Transaction
from mcp_handoff.takes import ListTakes
from mcp_handoff.webhooks import AddWebhook
from mcp_handoff.workflow import WORK_ROLES
from tests import requests
from tests.databases import EVERY_DATABASE, open_database
from tests.facts import REPOSITORY, check, pull_request, push, sha
from tests.merges.desk import Desk

Look = Callable[[Transaction], object]


@pytest.fixture(params=EVERY_DATABASE)
async def any_database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    opened = open_database(str(request.getfixturevalue(request.param)))
    yield opened
    await opened.close()


FEW = {"SCAN CONSTANT ROW", "SCAN run", "SCAN w", "SCAN webhooks"}
"""Steps through one row, or through the webhooks, of which there are fifty at most."""


LISTED = ("asked", "ranked", "newest", "subquery", "CONSTANT ROW")
"""What of a plan is no table, but what a request names, or what was found for that."""


class Explaining:
    """A transaction that explains every query before it runs it."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.plans: list[str] = []
        self._is_sqlite = isinstance(tx, SqliteTransaction)
        if not self._is_sqlite:  # which reads the few rows of a test one by one if it may
            tx.fetch_one("SELECT set_config('enable_seqscan', 'off', true)")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def fetch_one(self, sql: str, **values: Any) -> Row | None:
        return next(iter(self.fetch_all(sql, **values)), None)

    def fetch_all(self, sql: str, **values: Any) -> list[Row]:
        explain = "EXPLAIN QUERY PLAN" if self._is_sqlite else "EXPLAIN"
        plan = self._tx.fetch_all(f"{explain} {sql}", **values)
        told = "detail" if self._is_sqlite else "QUERY PLAN"
        self.plans.append("; ".join(row[told] for row in plan))
        return self._tx.fetch_all(sql, **values)


@pytest.mark.parametrize(
    ("look", "index"),
    [
        (suggestions.is_expiry_due, "suggestions_by_expiry"),
        (suggestions.expire_suggestions, "suggestions_by_expiry"),
        (partial(idempotency.are_old_keys_kept, days=30), "idempotency_by_age"),
        (partial(outbox.is_dispatch_due, receiver="ours"), "outbox_untried"),
        (partial(outbox.is_dispatch_due, receiver="ours"), "outbox_tried"),
        (partial(outbox.is_dispatch_due, receiver="ours", busy=["w"]), "outbox_by_webhook"),
        (partial(outbox.is_dispatch_due, receiver="ours", busy=[None]), "outbox_by_ticket"),
        (partial(outbox.lease_dispatch, receiver="ours"), "outbox_tried"),
        (partial(outbox.lease_dispatch, receiver="ours"), "outbox_by_ticket"),
        (partial(webhook_events.are_events_waiting, settled=9), "outbox_by_webhook"),
    ],
)
async def test_what_is_due_is_found_by_an_index_and_not_sorted(
    database: SqliteDatabase, look: Look, index: str
) -> None:
    plans = await plans_of(database, look)
    assert [plan for plan in plans if f" INDEX {index}" in plan]
    for plan in plans:
        steps = {*plan.split("; ")} - FEW
        assert not [step for step in steps if "SCAN" in step and "INDEX" not in step]
        assert "TEMP B-TREE" not in plan


async def test_what_a_webhook_has_not_heard_yet_is_read_by_its_position(
    database: SqliteDatabase, caller: Caller
) -> None:
    desk = StoreBackend(database)
    await desk.add_webhook(caller, AddWebhook(url="https://hooks.invalid/"))
    await desk.create_ticket(caller, requests.create_ticket())
    [_, events, *_] = await plans_of(database, partial(webhook_events.queue_events, settled=9))
    assert "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in events
    assert "TEMP B-TREE" not in events


async def test_what_is_pending_for_a_ticket_and_who_settled_the_rest_is_found_by_an_index(
    database: SqliteDatabase, caller: Caller
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    named = requests.suggest_close(1, merge_sha="9f2c1e7", pr_number=7)
    [*_, repeated, linked] = await plans_of(
        database, lambda tx: suggestions.suggest_close(tx, caller, named)
    )
    assert "USING INDEX suggestions_pending" in repeated
    assert "USING INDEX repositories_by_project" in linked
    [made] = (await StoreBackend(database).get_ticket(caller, requests.get_ticket(1))).suggestions
    execute = requests.execute(made.id)
    [*_, skipped] = await plans_of(
        database, lambda tx: suggestions.act_on_suggestion(tx, caller, execute)
    )
    assert "USING INDEX suggestions_pending" in skipped
    [listed] = await plans_of(
        database, partial(suggestion_rows.of_ticket, ticket_id=made.ticket_id, limit=5)
    )
    assert "USING COVERING INDEX events_of_settled" in listed


async def test_a_history_is_read_by_an_index_and_not_sorted(
    database: SqliteDatabase, caller: Caller
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    after = requests.list_events()
    [_, plan] = await plans_of(
        database, lambda tx: project_history.list_events(tx, caller, after, settled=9)
    )
    assert "SEARCH e USING INDEX events_by_project (project_id=? AND seq>? AND seq<?)" in plan
    assert "TEMP B-TREE" not in plan


async def test_who_holds_what_is_read_by_an_index_in_the_order_of_urgency(
    database: SqliteDatabase, caller: Caller
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    [_, plan] = await plans_of(database, lambda tx: held_roles.list_takes(tx, caller, ListTakes()))
    assert plan.count("takes USING INDEX takes_held (project_id=? AND role=?)") == len(WORK_ROLES)


async def test_what_waits_for_an_answer_is_read_by_an_index_in_the_order_of_its_age(
    database: SqliteDatabase, caller: Caller
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    asked = requests.list_questions()
    [_, plan] = await plans_of(database, lambda tx: messages.list_questions(tx, caller, asked))
    by_age = "messages USING COVERING INDEX messages_waiting (project_id=? AND to_role=? AND seq>?)"
    assert plan.count(by_age) == len(WORK_ROLES)
    assert "SEARCH m USING INTEGER PRIMARY KEY" in plan


async def test_builds_that_keep_silent_are_looked_for_among_those_under_way_alone(
    database: SqliteDatabase, caller: Caller
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    asked = requests.find_builds(silent_since="2026-01-01")
    [*_, plan] = await plans_of(database, lambda tx: builds.find_builds(tx, caller, asked))
    assert "w USING COVERING INDEX builds_by_status (organization_id=? AND status=?)" in plan
    assert "builds USING INDEX builds_by_organization (organization_id=? AND seq=?)" in plan
    assert "SEARCH r USING INDEX build_runs_by_build (build_id=?)" in plan


async def test_where_a_page_of_all_projects_begins_is_looked_up_by_numbers(
    database: SqliteDatabase, caller: Caller
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    asked = requests.find_all_tickets()
    [beginnings, *_] = await plans_of(
        database, lambda tx: all_tickets.find_all_tickets(tx, caller, asked)
    )
    by_number = "t USING COVERING INDEX sqlite_autoindex_tickets_2 (project_id=? AND number=?)"
    assert by_number in beginnings


@pytest.mark.parametrize("project", [None, "shop"])
async def test_what_is_to_be_pruned_is_looked_for_among_so_many_tickets_by_their_numbers(
    database: SqliteDatabase, caller: Caller, project: str | None
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    asked = Prune(older_than_days=30, project=project)

    def look(tx: Transaction) -> object:
        return pruning.next_batch(tx, pruning.plan(tx, caller, asked), 0)

    [*_, plan] = await plans_of(database, look)
    assert "SEARCH t USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
    assert "SEARCH l USING COVERING INDEX links_by_blocker (blocker_id=?)" in plan
    assert "TEMP B-TREE" not in plan


async def test_signals_are_read_by_indexes_and_with_no_more_statements_for_many_tickets(
    any_database: Database, caller: Caller
) -> None:
    backend = StoreBackend(any_database)
    desk = Desk(backend, caller)
    for number in (1, 2, 3):
        await desk.file_ticket(title=f"Step number {number}")
    await backend.link_repository(caller, LinkRepository(name=REPOSITORY))
    for number in (1, 2, 3):
        merged = pull_request(number, 1, body=f"Closes HO-{number}", merge_sha=sha(f"m{number}"))
        await desk.hear(merged, check(sha(f"m{number}"), "passed", 2))
        await desk.hear(push(3, (f"r{number}", f"This reverts commit {sha(f'm{number}')}.")))
    plans = [
        await plans_of(
            any_database,
            partial(signals.list_signals, caller=caller, request=ListSignals(tickets=names)),
        )
        for names in (["1"], ["1", "2", "3"])
    ]
    assert [len(of_names) for of_names in plans] == [10, 10]
    for plan in plans[1][1:]:  # the first one finds the project
        assert "Seq Scan" not in plan
        scanned = [step for step in plan.split("; ") if step.startswith("SCAN")]
        assert all(any(name in step for name in LISTED) for step in scanned), scanned


async def test_who_works_in_a_project_is_read_by_an_index_of_its_newest_events(
    any_database: Database, caller: Caller
) -> None:
    await StoreBackend(any_database).create_ticket(caller, requests.create_ticket())
    [_, *plans] = await plans_of(
        any_database, partial(people.list_people, caller=caller, request=ListPeople())
    )
    assert len(plans) == 4
    for plan in plans[:3]:  # the last one is that of the takes
        assert "events_by_project" in plan
        assert "SCAN events" not in plan


async def plans_of(database: Database, look: Look) -> list[str]:
    """Return how the queries of a look were planned, each on one line."""

    def explain(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        look(cast(Transaction, explaining))
        return explaining.plans

    return await database.write(explain)


@pytest.mark.parametrize(
    ("filters", "indexes"),
    [
        ({"status": "open"}, {"tickets_by_status"}),
        ({"priority": "high", "blocking": True}, {"tickets_by_status"}),
        ({"stage": ["up_next"]}, {"tickets_by_stage"}),
        ({"request_type": "bug", "status": "closed"}, {"tickets_by_stage"}),
        ({"author": "agent-1"}, {"tickets_by_actor", "tickets_by_principal"}),
        ({"role": "qa", "still_to_act": True}, {"ticket_roles_by_stage"}),
        ({"blocked": True, "stage": ["backlog"]}, {"tickets_blocked"}),
        ({"blocked": True, "role": "qa"}, {"tickets_blocked", "ticket_roles_by_stage"}),
        ({"role": "qa", "priority": "low", "stage": ["live"]}, {"ticket_roles_by_stage"}),
        (
            {"updated_since": "2026-01-01", "role": "qa", "blocking": True},
            {"tickets_by_update", "tickets_by_status", "ticket_roles_by_stage"},
        ),
    ],
)
@pytest.mark.parametrize("order", ["newest", "urgency"])
async def test_lists_are_read_from_indexes_alone(
    database: SqliteDatabase,
    caller: Caller,
    filters: dict[str, Any],
    indexes: set[str],
    order: str,
) -> None:
    await StoreBackend(database).create_ticket(caller, requests.create_ticket())

    def explain(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        request = requests.find_tickets(order=order, **filters)
        tickets.find_tickets(cast(Transaction, explaining), caller, request)
        return explaining.plans

    steps = [step for plan in await database.read(explain) for step in plan.split("; ")]
    chosen = [step for step in steps if step.startswith(("SEARCH x", "SEARCH y", "SCAN x"))]
    used = {index for index in indexes for step in chosen if f"INDEX {index} (" in step}
    assert used == indexes
    by_update = "SEARCH x USING INDEX tickets_by_update"
    assert all("USING COVERING INDEX" in step or by_update in step for step in chosen), chosen
    tables = ("tickets", "ticket_roles", "t", "r")
    assert not [step for step in steps if step.split()[0] == "SCAN" and step.split()[1] in tables]


@pytest.mark.parametrize("filters", [{}, {"status": "open"}, {"role": "backend"}])
async def test_what_a_search_found_is_read_by_its_number_whatever_it_is_filtered_by(
    database: SqliteDatabase, caller: Caller, filters: dict[str, str]
) -> None:
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))
    searched = requests.find_tickets(query="checkout items", **filters)
    plans = await plans_of(database, lambda tx: tickets.find_tickets(tx, caller, searched))
    found = [plan for plan in plans if "listed" in plan]
    assert found
    for plan in found:
        assert "SEARCH t USING INTEGER PRIMARY KEY" in plan


async def test_postgresql_looks_terms_up_in_their_index_and_never_reads_all_tickets(
    postgres: str, caller: Caller
) -> None:
    database = open_database(postgres)
    await database.write(lambda tx: tickets.create_ticket(tx, caller, requests.create_ticket()))

    def search(tx: Transaction) -> Row | None:
        for query in ("checkout", "checkout items nonsense", "c* ite*"):
            tickets.find_tickets(tx, caller, requests.find_tickets(query=query))
        return tx.fetch_one(
            "SELECT seq_scan, idx_scan > 0 AS used FROM pg_stat_xact_user_tables"
            " WHERE relname = 'ticket_terms' AND schemaname = current_schema()"
        )

    assert await database.read(search) == {"seq_scan": 0, "used": True}
    await database.close()
