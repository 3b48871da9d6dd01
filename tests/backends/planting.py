"""A text, written wherever a ticket takes one, and looked for in every column of a store."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.dispatches import Attempt
from mcp_handoff.principals import Principal
from mcp_handoff.receivers import SetReceiver
from mcp_handoff.repositories import LinkRepository
from mcp_handoff.runs import ReportRun
from mcp_handoff.sqlite.transaction import SqliteTransaction
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.store.transaction import Transaction
from mcp_handoff.webhooks import AddWebhook
from tests import requests
from tests.facts import REPOSITORY, delivery, pull_request

ADMIN = Caller(Actor("user", "portal", "root"), "shop", principal=Principal("t-1", "root", "admin"))
CI = Caller(bot("ci"), "shop", principal=Principal("t-2", "ci", "bot"))


async def plant(store: StoreBackend, text: str) -> None:
    """Write a text wherever it can be written in ticket 1, and have it shown with ticket 2."""
    keys = iter(f"key-{number}" for number in range(100))
    line = " ".join(text.split())[:60]
    json_of = {line: [text, json.dumps({"said": text})], "long": [text] * 300}
    keyed = {"idempotency_key": next(keys)}
    await store.add_webhook(ADMIN, AddWebhook(url="https://hooks.invalid/"))
    await store.set_receiver(ADMIN, SetReceiver(url="https://builds.invalid/"))
    await store.create_ticket(
        CI,
        requests.create_ticket(
            title=f"Oven and {line}",
            description=f"Bake it: {text}",
            evidence=json_of,
            suggested_resolution=text,
            implementation_notes=text,
            roles=["backend", "design", "qa"],
            **keyed,
        ),
    )
    similar = requests.create_ticket(
        title=f"Oven and {line}!", blocked_by=["1"], idempotency_key=next(keys)
    )
    # Of the two it alone says what is looked for nowhere but where it shows ticket 1.
    await store.create_ticket(CI, similar.model_copy(update={"title": "Oven and something"}))
    someone = replace(CI, actor=Actor("user", "portal", line))
    take = {"ticket": 1, "note": text, "idempotency_key": next(keys)}
    await store.take_ticket(someone, requests.take_ticket("backend", **take))
    update = {"title": f"Ovens and {line}", "description": f"{text} {'so ' * 900}"}
    await store.update_ticket(someone, requests.update_ticket(1, **update, park=text))
    said = await store.add_message(
        someone, requests.add_message(1, text, to_role="qa", idempotency_key=next(keys))
    )
    answer = {"answers": said.message.id, "idempotency_key": next(keys)}
    await store.add_message(CI, requests.add_message(1, f"No {text}", **answer))
    await plant_builds(store, text, keys)
    for number in (1, 2):
        evidence = {"evidence": {"found": text}, "pr_number": number}
        suggested = await store.suggest_close(
            someone, requests.suggest_close(1, **evidence, idempotency_key=next(keys))
        )
        act = requests.decline(suggested.suggestion.id, reason=text, idempotency_key=next(keys))
        await store.act_on_suggestion(someone, act)
    await store.link_repository(ADMIN, LinkRepository(name=REPOSITORY))
    await store.take_delivery("github", delivery(pull_request(50, 1, title=line)), CI.policy)
    done = {"role_status": "done", "note": text, "criteria": {"tried": text}}
    await store.update_ticket(someone, requests.update_ticket(1, role="backend", **done))
    await store.queue_events()
    shown = requests.take_ticket("design", ticket=1, idempotency_key=next(keys))
    await store.take_ticket(someone, shown)
    closing_note = {"close_as": "wont_fix", "note": text, "idempotency_key": next(keys)}
    await store.update_ticket(CI, requests.update_ticket(1, **closing_note))
    take_next = requests.take_ticket("backend", ticket=2, idempotency_key=next(keys))
    assert line in (await store.take_ticket(CI, take_next)).detail.blocked_by[0].title


async def plant_builds(store: StoreBackend, text: str, keys: Iterator[str]) -> None:
    """Write a text wherever it can be written in builds of ticket 1."""
    line = " ".join(text.split())[:60]
    someone = replace(CI, actor=Actor("user", "portal", line))
    triggered = await store.trigger_bot_build(
        someone, requests.trigger_bot_build(1, idempotency_key=next(keys))
    )
    run = triggered.ticket.ai_output["build_run"]
    url = f"https://ci.invalid/{quote(line)}"
    fields = {"description": text, "display_name": line, "metadata": {line: text}}
    await store.update_build(
        CI, requests.update_build(run["build_id"], **fields, idempotency_key=next(keys))
    )
    leased = await store.lease_dispatch()
    assert leased is not None
    await store.settle_dispatch(leased, Attempt(error=text, retry_in=60))
    report = ReportRun(run_id=run["id"], status="failed", error_message=text, url=url)
    await store.report_run(CI, report)
    named = {"ticket": 1, "build_ref": "88", "provider": "ci", "idempotency_key": next(keys)}
    failed = requests.report_build("failed", **named, error_message=text, url=url)
    await store.report_build(CI, failed)
    again = await store.trigger_bot_build(someone, requests.trigger_bot_build(1))
    given_up = again.ticket.ai_output["build_run"]["build_id"]
    replacing = requests.trigger_bot_build(1, replaces=given_up, idempotency_key=next(keys))
    await store.trigger_bot_build(someone, replacing)


def columns_with(tx: Transaction, signs: Sequence[str]) -> set[str]:
    """Return which columns of a database hold one of these signs, however JSON escapes it."""
    return {
        f"{table}.{column}"
        for table in tables_of(tx)
        for row in tx.fetch_all(f"SELECT * FROM {table}")
        for column, value in row.items()
        if any(sign in form for sign in signs for form in forms_of(value))
    }


def tables_of(tx: Transaction) -> list[str]:
    if isinstance(tx, SqliteTransaction):
        listing = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
    else:
        listing = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()"
    return [row["name"] for row in tx.fetch_all(listing)]


def forms_of(value: object) -> Iterator[str]:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    yield text.lower()
    with suppress(ValueError):
        yield json.dumps(json.loads(text), ensure_ascii=False).lower()


async def found(store: StoreBackend, *signs: str) -> set[str]:
    return await store.database.read(lambda tx: columns_with(tx, signs))
