"""The Backend over a database of our own."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from functools import wraps
from types import CoroutineType
from typing import Any, Concatenate, ParamSpec, TypeVar

from mcp_handoff.actors import Caller
from mcp_handoff.archives.archive import Archive, Outcome, Undone
from mcp_handoff.checkout import Checkout
from mcp_handoff.dispatches import Destination, Dispatch
from mcp_handoff.events import Change, EventPage, ListEvents
from mcp_handoff.merges import ForgeName
from mcp_handoff.principals import Principal
from mcp_handoff.progress import Progress
from mcp_handoff.proofs import Proof
from mcp_handoff.pruning import Prune, Pruned
from mcp_handoff.receivers import Receiver
from mcp_handoff.redactions import RedactedTicket, RedactTicket
from mcp_handoff.store import (
    all_tickets,
    builds,
    deliveries,
    held_roles,
    idempotency,
    messages,
    outbox,
    overview,
    people,
    project_history,
    projects,
    pruning,
    receivers,
    redactions,
    reports,
    repositories,
    signals,
    suggestion_rows,
    suggestions,
    takes,
    tickets,
    tokens,
    triggers,
    updates,
    webhook_events,
    webhooks,
    work,
)
from mcp_handoff.store.similar_tickets import find_similar
from mcp_handoff.store.transaction import Database, Transaction
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    SuggestClose,
    SuggestedClose,
)
from mcp_handoff.tickets import CreatedTicket, CreateTicket, GetTicket, TicketDetail
from mcp_handoff.tracing import span
from mcp_handoff.trackers.incoming import Incoming

P = ParamSpec("P")
ResultT = TypeVar("ResultT")

Operation = Callable[Concatenate[Transaction, P], ResultT]
Method = Callable[Concatenate["StoreBackend", P], "CoroutineType[Any, Any, ResultT]"]


def _write(operation: Operation[P, ResultT]) -> "Method[P, ResultT]":
    """Return the method of an operation that writes."""

    @wraps(operation)
    async def method(self: "StoreBackend", /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        with span(f"store {operation.__name__}"):
            return await self.database.write(lambda tx: operation(tx, *args, **kwargs))

    return method


def _read(operation: Operation[P, ResultT]) -> "Method[P, ResultT]":
    """Return the method of an operation that only reads."""

    @wraps(operation)
    async def method(self: "StoreBackend", /, *args: P.args, **kwargs: P.kwargs) -> ResultT:
        with span(f"store {operation.__name__}"):
            return await self.database.read(lambda tx: operation(tx, *args, **kwargs))

    return method


class StoreBackend:
    """Runs each operation in a transaction of `database`; see `Store` for what they promise.

    `receiver` is whom this process tells of triggered builds, None where it tells nobody;
    `checkout` the git checkout that it runs in and may ask of commits.
    """

    def __init__(
        self,
        database: Database,
        receiver: Receiver | None = None,
        checkout: Checkout | None = None,
    ) -> None:
        self.database = database
        self._receiver = receiver
        self._checkout = checkout

    async def create_ticket(self, caller: Caller, request: CreateTicket) -> CreatedTicket:
        created = await self._create_ticket(caller, request)
        return created()

    async def get_ticket(self, caller: Caller, request: GetTicket) -> TicketDetail:
        detail, renews = await self._get_ticket(caller, request)
        if renews:
            await self._renew_takes(caller, detail.ticket.id)
        return detail

    _create_ticket = _write(tickets.create_ticket)
    find_similar = _read(find_similar)
    find_tickets = _read(tickets.find_tickets)
    find_all_tickets = _read(all_tickets.find_all_tickets)
    _get_ticket = _read(tickets.get_ticket)
    _renew_takes = _write(takes.renew)
    take_ticket = _write(work.take_ticket)
    update_ticket = _write(updates.update_ticket)
    add_message = _write(messages.add_message)
    list_messages = _read(messages.list_messages)
    list_questions = _read(messages.list_questions)
    list_takes = _read(held_roles.list_takes)
    list_signals = _read(signals.list_signals)
    list_people = _read(people.list_people)
    trigger_bot_build = _write(triggers.trigger_bot_build)
    _redact_ticket = _write(redactions.redact_ticket)
    list_suggestions = _read(suggestion_rows.list_suggestions)
    _suggest_close = _write(suggestions.suggest_close)
    _act_on_suggestion = _write(suggestions.act_on_suggestion)
    _find_claimed_commit = _read(suggestions.find_claimed_commit)

    async def suggest_close(self, caller: Caller, request: SuggestClose) -> SuggestedClose:
        seen = await self._look_at(request.merge_sha, request.repo)
        return await self._suggest_close(caller, request, seen)

    async def act_on_suggestion(self, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
        seen = None
        if self._checkout and request.action == "execute":
            seen = await self._look_at(*await self._find_claimed_commit(caller, request))
        return await self._act_on_suggestion(caller, request, seen)

    async def _look_at(self, sha: str | None, repo: str | None) -> Proof | None:
        """Return what the checkout that this process runs in says of a commit, None without one. Of
        a repository that is named it may not be a checkout, and proves at most that it is."""
        if self._checkout is None or sha is None:
            return None
        seen = await self._checkout.proof_of(sha)
        return seen if seen.state == "proven" or repo is None else None

    async def redact_ticket(self, caller: Caller, request: RedactTicket) -> RedactedTicket:
        redacted = await self._redact_ticket(caller, request)
        return redacted.model_copy(update={"erased": await self.database.erase_deleted()})

    async def expire_suggestions(self) -> None:
        with span("store expire_suggestions"):
            await self._write_while(suggestions.is_expiry_due, suggestions.expire_suggestions)

    async def forget_keys(self, days: int) -> None:
        with span("store forget_keys"):
            await self._write_while(
                lambda tx: idempotency.are_old_keys_kept(tx, days),
                lambda tx: idempotency.forget_keys(tx, days),
            )

    async def prune(self, caller: Caller, request: Prune, progress: Progress, /) -> Pruned:
        with span("store prune"):
            asked = await self.database.read(lambda tx: pruning.plan(tx, caller, request))
            if asked.keys and not request.dry_run:
                await self.forget_keys(request.older_than_days)
            return await pruning.prune_tickets(self.database, caller, asked, progress)

    find_builds = _read(builds.find_builds)
    create_build = _write(builds.create_build)
    get_build = _read(builds.get_build)
    update_build = _write(builds.update_build)
    report_build = _write(reports.report_build)

    get_overview = _read(overview.get_overview)
    list_projects = _read(projects.list_projects)
    create_project = _write(projects.create_project)
    change_project = _write(projects.change_project)

    async def export_archive(self, write: Callable[[str], object], progress: Progress, /) -> int:
        from mcp_handoff.store import exports

        with span("store export_archive"):
            return await self.database.read_at_length(
                lambda tx: exports.export_archive(tx, write, progress)
            )

    async def import_archive(
        self, archive: Archive, progress: Progress, /, *, dry_run: bool
    ) -> Outcome:
        from mcp_handoff.store import imports

        with span("store import_archive"):
            try:
                return await self.database.write_at_length(
                    lambda tx: imports.import_archive(tx, archive, progress, dry_run=dry_run)
                )
            except Undone as undone:
                return undone.outcome

    async def import_tickets(
        self, caller: Caller, incoming: Incoming, progress: Progress, /, *, dry_run: bool
    ) -> Outcome:
        from mcp_handoff.store import incoming as filing

        with span("store import_tickets"):
            try:
                return await self.database.write_at_length(
                    lambda tx: filing.import_tickets(
                        tx, caller, incoming, progress, dry_run=dry_run
                    )
                )
            except Undone as undone:
                return undone.outcome

    list_organizations = _read(projects.list_organizations)
    open_organization = _write(projects.open_organization)

    async def list_events(self, caller: Caller, request: ListEvents) -> EventPage:
        with span("store list_events"):
            settled = await self.database.read(lambda tx: tx.settled_events())
            return await self.database.read(
                lambda tx: project_history.list_events(tx, caller, request, settled)
            )

    create_token = _write(tokens.create_token)
    list_tokens = _read(tokens.list_tokens)
    rotate_token = _write(tokens.rotate_token)
    revoke_token = _write(tokens.revoke_token)

    async def authenticate(self, secret: str) -> Principal | None:
        with span("store authenticate"):
            return await self.database.read_apart(lambda tx: tokens.authenticate(tx, secret))

    async def authenticate_session(self, session: str) -> Principal | None:
        with span("store authenticate_session"):
            return await self.database.read_apart(
                lambda tx: tokens.authenticate_session(tx, session)
            )

    async def has_had_tokens(self) -> bool:
        with span("store has_had_tokens"):
            return await self.database.read_apart(tokens.has_had_tokens)

    async def still_let_in(self, principals: Collection[Principal]) -> frozenset[Principal]:
        with span("store still_let_in"):
            return await self.database.read_apart(lambda tx: tokens.still_let_in(tx, principals))

    link_repository = _write(repositories.link_repository)
    list_repositories = _read(repositories.list_repositories)
    unlink_repository = _write(repositories.unlink_repository)
    take_delivery = _write(deliveries.take_delivery)

    async def find_secret(self, forge: ForgeName, name: str, /) -> str | None:
        with span("store find_secret"):
            return await self.database.read_apart(
                lambda tx: repositories.find_secret(tx, forge, name)
            )

    async def forget_deliveries(self) -> None:
        with span("store forget_deliveries"):
            await self._write_while(
                deliveries.are_old_deliveries_kept, deliveries.forget_deliveries
            )

    report_run = _write(reports.report_run)

    async def end_overdue_runs(self, hours: int, /) -> None:
        with span("store end_overdue_runs"):
            await self._write_while(
                lambda tx: reports.is_report_overdue(tx, hours),
                lambda tx: reports.end_overdue_runs(tx, hours),
            )

    count_dispatches = _read(outbox.count_dispatches)
    settle_dispatch = _write(outbox.settle_dispatch)
    release_dispatch = _write(outbox.release_dispatch)

    async def is_dispatch_due(self, busy: Collection[Destination] = (), /) -> bool:
        with span("store is_dispatch_due"):
            return await self.database.read(
                lambda tx: outbox.is_dispatch_due(tx, self._identity, busy)
            )

    async def lease_dispatch(self, busy: Collection[Destination] = (), /) -> Dispatch | None:
        with span("store lease_dispatch"):
            return await self.database.write(
                lambda tx: outbox.lease_dispatch(tx, self._identity, busy)
            )

    add_webhook = _write(webhooks.add_webhook)
    list_webhooks = _read(webhooks.list_webhooks)
    remove_webhook = _write(webhooks.remove_webhook)
    test_webhook = _write(webhooks.test_webhook)

    async def queue_events(self) -> bool:
        with span("store queue_events"):
            if not await self.database.read(webhook_events.is_anybody_told):
                return False
            settled = await self.database.read(lambda tx: tx.settled_events())
            await self._write_while(
                lambda tx: webhook_events.are_events_waiting(tx, settled),
                lambda tx: webhook_events.queue_events(tx, settled),
            )
            return True

    get_receiver = _read(receivers.get_receiver)
    set_receiver = _write(receivers.set_receiver)

    async def claim_receiver(self) -> Receiver | None:
        own = self._receiver
        with span("store claim_receiver"):
            known = await self.database.read(receivers.read_receiver)
            if known is not None or own is None:
                return known
            return await self.database.write(lambda tx: receivers.claim_receiver(tx, own))

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self.database.changes()

    async def check_ready(self) -> None:
        await self.database.check_ready()

    async def close(self) -> None:
        await self.database.close()

    @property
    def _identity(self) -> str | None:
        return self._receiver and self._receiver.identity

    async def _write_while(
        self, is_due: Callable[[Transaction], bool], batch: Callable[[Transaction], None]
    ) -> None:
        """Write batch after batch, each in a transaction of its own, while something is due."""
        while await self.database.read(is_due):
            await self.database.write(batch)
