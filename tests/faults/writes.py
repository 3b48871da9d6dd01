"""Every operation that writes to a store, each made ready to be called once and counted."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import anyio.to_thread
import psycopg

from mcp_handoff.actors import Caller, bot
from mcp_handoff.builds import CreateBuild
from mcp_handoff.dispatches import Attempt
from mcp_handoff.postgres.database import PostgresDatabase
from mcp_handoff.progress import untold
from mcp_handoff.projects import ChangeProject, CreateProject
from mcp_handoff.pruning import Prune
from mcp_handoff.receivers import SetReceiver
from mcp_handoff.redactions import RedactTicket
from mcp_handoff.repositories import LinkRepository, Repository, UnlinkRepository
from mcp_handoff.runs import ReportRun
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tokens import CreateToken, RevokeToken, RotateToken
from mcp_handoff.trackers.incoming import Found, checked
from mcp_handoff.webhooks import AddWebhook, RemoveWebhook, Webhook, WebhookTest
from tests import facts, requests

CALLER = Caller(bot("cutter"), project="shop")


@dataclass(frozen=True, slots=True)
class Case:
    """One call and how often it was done, in SQL."""

    call: Callable[[StoreBackend], Awaitable[object]]
    times: str


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[StoreBackend]:
    connected = await anyio.to_thread.run_sync(PostgresDatabase.open, url)
    backend = StoreBackend(connected)
    try:
        yield backend
    finally:
        await backend.close()


class Desk:
    """Prepares, on a way to the store that is never cut, what an operation needs."""

    def __init__(self, backend: StoreBackend, url: str) -> None:
        self.backend = backend
        self._url = url

    def execute(self, sql: str) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(sql.encode())

    def count(self, sql: str) -> int:
        with psycopg.connect(self._url) as connection:
            [(count,)] = connection.execute(sql.encode())
        return count

    async def ticket(self) -> str:
        request = requests.create_ticket(title=uuid4().hex)
        return (await self.backend.create_ticket(CALLER, request)).ticket.id

    async def run(self) -> dict[str, str]:
        """Trigger a run, for whoever wants to be told; leave no other in the outbox."""
        self.execute("DELETE FROM outbox")
        self.execute("DELETE FROM receiver")
        trigger = requests.trigger_bot_build(await self.ticket())
        triggered = await self.backend.trigger_bot_build(CALLER, trigger)
        return triggered.ticket.ai_output["build_run"]

    async def suggestion(self) -> str:
        request = requests.suggest_close(await self.ticket())
        return (await self.backend.suggest_close(CALLER, request)).suggestion.id

    async def repository(self) -> Repository:
        request = LinkRepository(name=f"acme/{uuid4().hex}")
        return (await self.backend.link_repository(CALLER, request)).repository

    async def webhook(self) -> Webhook:
        """Add one, and leave no other that hears of anything."""
        self.execute("DELETE FROM webhooks")
        request = AddWebhook(url="https://hooks.invalid/", events=["message"])
        return (await self.backend.add_webhook(CALLER, request)).webhook

    async def token(self) -> str:
        request = CreateToken(name=uuid4().hex, role="bot")
        return (await self.backend.create_token(CALLER, request)).token.id


async def create_ticket(_: Desk) -> Case:
    title = uuid4().hex
    request = requests.create_ticket(title=title)
    return Case(
        lambda backend: backend.create_ticket(CALLER, request),
        f"SELECT count(*) FROM tickets WHERE title = '{title}'",
    )


async def take_ticket(desk: Desk) -> Case:
    ticket = await desk.ticket()
    return Case(
        lambda backend: backend.take_ticket(CALLER, requests.take_ticket("backend", ticket=ticket)),
        f"SELECT count(*) FROM takes WHERE ticket_id = '{ticket}'",
    )


async def update_ticket(desk: Desk) -> Case:
    ticket = await desk.ticket()
    request = requests.update_ticket(ticket, role="backend", role_status="done", note="Done.")
    return Case(
        lambda backend: backend.update_ticket(CALLER, request), _events("ticket.updated", ticket)
    )


async def add_message(desk: Desk) -> Case:
    ticket = await desk.ticket()
    return Case(
        lambda backend: backend.add_message(CALLER, requests.add_message(ticket, "Half is done.")),
        f"SELECT count(*) FROM messages WHERE ticket_id = '{ticket}'",
    )


async def trigger_bot_build(desk: Desk) -> Case:
    ticket = await desk.ticket()
    return Case(
        lambda backend: backend.trigger_bot_build(CALLER, requests.trigger_bot_build(ticket)),
        f"SELECT count(*) FROM builds WHERE source_id = '{ticket}'",
    )


async def redact_ticket(desk: Desk) -> Case:
    ticket, text = await desk.ticket(), uuid4().hex
    await desk.backend.add_message(CALLER, requests.add_message(ticket, text))
    return Case(
        lambda backend: backend.redact_ticket(CALLER, RedactTicket(ticket=ticket, text=text)),
        _events("ticket.redacted", ticket),
    )


async def suggest_close(desk: Desk) -> Case:
    ticket = await desk.ticket()
    return Case(
        lambda backend: backend.suggest_close(CALLER, requests.suggest_close(ticket)),
        f"SELECT count(*) FROM suggestions WHERE ticket_id = '{ticket}'",
    )


async def act_on_suggestion(desk: Desk) -> Case:
    suggestion = await desk.suggestion()
    return Case(
        lambda backend: backend.act_on_suggestion(CALLER, requests.execute(suggestion)),
        _events("suggestion.executed", suggestion),
    )


async def expire_suggestions(desk: Desk) -> Case:
    suggestion = await desk.suggestion()
    desk.execute(f"UPDATE suggestions SET expires_at = '' WHERE id = '{suggestion}'")
    return Case(
        lambda backend: backend.expire_suggestions(), _events("suggestion.expired", suggestion)
    )


async def create_build(_: Desk) -> Case:
    build_ref = uuid4().hex
    request = CreateBuild(org="default", build_ref=build_ref, display_name="Nightly", provider="ci")
    return Case(
        lambda backend: backend.create_build(CALLER, request),
        f"SELECT count(*) FROM builds WHERE build_ref = '{build_ref}'",
    )


async def update_build(desk: Desk) -> Case:
    build = (await desk.run())["build_id"]
    request = requests.update_build(build, description="Nightly")
    return Case(
        lambda backend: backend.update_build(CALLER, request), _events("build.updated", build)
    )


async def report_build(desk: Desk) -> Case:
    build_ref = uuid4().hex
    named = {"ticket": await desk.ticket(), "build_ref": build_ref, "provider": "ci"}
    request = requests.report_build("succeeded", **named)
    return Case(
        lambda backend: backend.report_build(CALLER, request),
        f"SELECT count(*) FROM builds WHERE build_ref = '{build_ref}'",
    )


async def create_project(_: Desk) -> Case:
    slug = uuid4().hex
    return Case(
        lambda backend: backend.create_project(CALLER, CreateProject(name=slug)),
        f"SELECT count(*) FROM projects WHERE slug = '{slug}'",
    )


async def change_project(desk: Desk) -> Case:
    slug = uuid4().hex
    project = (await desk.backend.create_project(CALLER, CreateProject(name=slug))).project
    request = ChangeProject(project=slug, auto_close=True)
    return Case(
        lambda backend: backend.change_project(CALLER, request),
        _events("project.changed", project.id),
    )


async def prune(desk: Desk) -> Case:
    slug = uuid4().hex
    project = (await desk.backend.create_project(CALLER, CreateProject(name=slug))).project
    filed = requests.create_ticket(project=slug)
    ticket = (await desk.backend.create_ticket(CALLER, filed)).ticket.id
    old = "status = 'closed', resolved_at = '2020-01-01T00:00:00.000Z'"
    desk.execute(f"UPDATE tickets SET {old} WHERE id = '{ticket}'")
    request = Prune(older_than_days=1, project=slug)
    return Case(
        lambda backend: backend.prune(CALLER, request, untold),
        _events("project.pruned", project.id),
    )


async def link_repository(_: Desk) -> Case:
    name = f"acme/{uuid4().hex}"
    return Case(
        lambda backend: backend.link_repository(CALLER, LinkRepository(name=name)),
        f"SELECT count(*) FROM repositories WHERE name = '{name}'",
    )


async def unlink_repository(desk: Desk) -> Case:
    repository = (await desk.repository()).id
    request = UnlinkRepository(repository_id=repository)
    return Case(
        lambda backend: backend.unlink_repository(CALLER, request),
        _events("repository.unlinked", repository),
    )


async def take_delivery(desk: Desk) -> Case:
    repository = await desk.repository()
    request = requests.create_ticket(title=uuid4().hex)
    ticket = (await desk.backend.create_ticket(CALLER, request)).ticket
    merged = facts.pull_request(1, 1, f"Closes HO-{ticket.number}", merge_sha=facts.sha("a"))
    delivery = facts.delivery(merged, repository=repository.name)
    return Case(
        lambda backend: backend.take_delivery(repository.forge, delivery),
        f"SELECT count(*) FROM suggestions WHERE ticket_id = '{ticket.id}'",
    )


async def create_token(_: Desk) -> Case:
    name = uuid4().hex
    return Case(
        lambda backend: backend.create_token(CALLER, CreateToken(name=name, role="bot")),
        f"SELECT count(*) FROM tokens WHERE name = '{name}'",
    )


async def rotate_token(desk: Desk) -> Case:
    token = await desk.token()
    return Case(
        lambda backend: backend.rotate_token(CALLER, RotateToken(token=token)),
        _events("token.rotated", token),
    )


async def revoke_token(desk: Desk) -> Case:
    token = await desk.token()
    return Case(
        lambda backend: backend.revoke_token(CALLER, RevokeToken(token=token)),
        f"SELECT count(revoked_at) FROM tokens WHERE id = '{token}'",
    )


async def set_receiver(_: Desk) -> Case:
    host = f"{uuid4().hex}.example"
    request = SetReceiver(url=f"https://{host}/builds")
    return Case(
        lambda backend: backend.set_receiver(CALLER, request),
        f"SELECT count(*) FROM events WHERE kind = 'receiver.set' AND after LIKE '%{host}%'",
    )


async def report_run(desk: Desk) -> Case:
    run = (await desk.run())["id"]
    return Case(
        lambda backend: backend.report_run(CALLER, ReportRun(run_id=run, status="running")),
        _events("build.running", run),
    )


async def lease_dispatch(desk: Desk) -> Case:
    await desk.run()
    await desk.backend.trigger_bot_build(CALLER, requests.trigger_bot_build(await desk.ticket()))
    return Case(lambda backend: backend.lease_dispatch(), "SELECT count(leased_until) FROM outbox")


async def settle_dispatch(desk: Desk) -> Case:
    run = (await desk.run())["id"]
    leased = await desk.backend.lease_dispatch()
    assert leased is not None
    return Case(
        lambda backend: backend.settle_dispatch(leased, Attempt()),
        _events("build.dispatched", run),
    )


async def release_dispatch(desk: Desk) -> Case:
    run = (await desk.run())["id"]
    leased = await desk.backend.lease_dispatch()
    assert leased is not None
    return Case(
        lambda backend: backend.release_dispatch(leased),
        f"SELECT count(*) FROM outbox WHERE id = '{run}' AND lease IS NULL",
    )


async def add_webhook(desk: Desk) -> Case:
    desk.execute("DELETE FROM webhooks")
    url = f"https://{uuid4().hex}.invalid/"
    return Case(
        lambda backend: backend.add_webhook(CALLER, AddWebhook(url=url)),
        f"SELECT count(*) FROM webhooks WHERE url = '{url}'",
    )


async def remove_webhook(desk: Desk) -> Case:
    webhook = (await desk.webhook()).id
    return Case(
        lambda backend: backend.remove_webhook(CALLER, RemoveWebhook(webhook_id=webhook)),
        _events("webhook.removed", webhook),
    )


async def test_webhook(desk: Desk) -> Case:
    webhook = (await desk.webhook()).id
    return Case(
        lambda backend: backend.test_webhook(CALLER, WebhookTest(webhook_id=webhook)),
        f"SELECT count(*) FROM outbox WHERE webhook_id = '{webhook}'",
    )


async def queue_events(desk: Desk) -> Case:
    ticket, webhook = await desk.ticket(), await desk.webhook()
    await desk.backend.add_message(CALLER, requests.add_message(ticket, "Half is done."))
    return Case(
        lambda backend: backend.queue_events(),
        f"SELECT count(*) FROM outbox WHERE webhook_id = '{webhook.id}'",
    )


async def import_tickets(_: Desk) -> Case:
    title = uuid4().hex
    found = Found("line 1", {"origin": title, "title": title, "created_at": "2025-03-01"})
    incoming = checked("beads", iter([found]))
    return Case(
        lambda backend: backend.import_tickets(CALLER, incoming, untold, dry_run=False),
        f"SELECT count(*) FROM tickets WHERE title = '{title}'",
    )


def _events(kind: str, subject: str) -> str:
    return f"SELECT count(*) FROM events WHERE kind = '{kind}' AND subject_id = '{subject}'"


Prepare = Callable[[Desk], Awaitable[Case]]

PREPARED: dict[str, Prepare] = {
    prepare.__name__: prepare
    for prepare in (
        create_ticket,
        take_ticket,
        update_ticket,
        add_message,
        trigger_bot_build,
        redact_ticket,
        suggest_close,
        act_on_suggestion,
        expire_suggestions,
        create_build,
        update_build,
        report_build,
        create_project,
        change_project,
        prune,
        link_repository,
        unlink_repository,
        take_delivery,
        create_token,
        rotate_token,
        revoke_token,
        set_receiver,
        report_run,
        lease_dispatch,
        settle_dispatch,
        release_dispatch,
        add_webhook,
        remove_webhook,
        test_webhook,
        queue_events,
        import_tickets,
    )
}
"""By the operation's name in the store."""
