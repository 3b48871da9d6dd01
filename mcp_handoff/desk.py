"""The desk: between every door and every backend.

A door says who came and what was sent. The desk decides whether that may be, checks what was sent,
once, has the backend do it, and notes how it ended. Doors only translate.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from anyio.to_thread import run_sync

from mcp_handoff import (
    builds,
    events,
    messages,
    overview,
    people,
    principals,
    projects,
    pruning,
    receivers,
    redactions,
    repositories,
    runs,
    signals,
    similarity,
    suggestions,
    takes,
    tickets,
    tokens,
    webhooks,
    work,
)
from mcp_handoff.actors import BOT, Actor, Caller, Claim, stamped
from mcp_handoff.admission import Admission
from mcp_handoff.backend import Backend, Store
from mcp_handoff.calls import Call, Door, Observe, log_call, observed
from mcp_handoff.config import Settings
from mcp_handoff.errors import Forbidden, NotFound, Unsupported
from mcp_handoff.events import Change
from mcp_handoff.merges import Delivery, ForgeName
from mcp_handoff.principals import Principal
from mcp_handoff.progress import Progress
from mcp_handoff.schema import Request
from mcp_handoff.validation import Arguments
from mcp_handoff.waiting import Places, WaitingRequest, Waits

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT")

RequestT_contra = TypeVar("RequestT_contra", bound=Request, contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Method(Protocol[RequestT_contra, ResultT_co]):
    """How a backend does something; its name is the operation's."""

    __name__: str

    def __call__(self, caller: Caller, request: RequestT_contra, /) -> Awaitable[ResultT_co]: ...


Rule = Callable[[Principal], None]
"""Raises Forbidden for whoever may not do something; the rules stand beside the nouns."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who stands at the desk: the door that it came in by, how it is known there, and the project
    that it means when it names none (None: its only one, or the server's), and the session that
    tells it apart from others under its name."""

    door: Door
    actor: Actor
    admission: Admission = field(default_factory=Admission)
    project: str | None = None
    session: str = ""

    @property
    def principal(self) -> Principal:
        return self.admission.principal


class Desk:
    """All that can be done, by whoever may do it; `Backend` says what each operation promises.

    Beside what the backend raises every operation raises what its visitor was refused for,
    Forbidden for what it may not do, and ValidationFailed with every wrong field.
    """

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        observe: Observe = log_call,
        waiting: Places = Places(),  # noqa: B008 - it never changes
    ) -> None:
        self.read_only = settings.read_only
        self.observe = observe
        self._backend = backend
        self._waits = Waits(backend, waiting)
        self._project = settings.project
        self._organization = settings.organization
        self._take_minutes = settings.take_minutes
        self._policy = settings.policy
        self._webhook_networks = settings.webhook_networks
        self.has_store = isinstance(backend, Store)
        """Whether what there is, is kept here, and not behind an API that may lack operations."""
        self.builds_start = settings.dispatch_url is not None or not self.has_store
        """Whether a build that is triggered here is told to somebody who makes it."""

    async def create_ticket(
        self, visitor: Visitor, arguments: Arguments[tickets.CreateTicket]
    ) -> tickets.CreatedTicket:
        return await self._perform(visitor, arguments, self._backend.create_ticket, writes=True)

    async def find_tickets(
        self, visitor: Visitor, arguments: Arguments[tickets.FindTickets]
    ) -> tickets.TicketPage:
        return await self._perform(visitor, arguments, self._backend.find_tickets, writes=False)

    async def find_all_tickets(
        self, visitor: Visitor, arguments: Arguments[tickets.FindAllTickets]
    ) -> tickets.TicketPage:
        return await self._perform(visitor, arguments, self._backend.find_all_tickets, writes=False)

    async def get_ticket(
        self, visitor: Visitor, arguments: Arguments[tickets.GetTicket]
    ) -> tickets.TicketDetail:
        return await self._perform(visitor, arguments, self._backend.get_ticket, writes=False)

    async def take_ticket(
        self, visitor: Visitor, arguments: Arguments[work.TakeTicket]
    ) -> work.TakenTicket:
        return await self._perform(visitor, arguments, self._backend.take_ticket, writes=True)

    async def update_ticket(
        self, visitor: Visitor, arguments: Arguments[work.UpdateTicket]
    ) -> work.UpdatedTicket:
        return await self._perform(visitor, arguments, self._backend.update_ticket, writes=True)

    async def add_message(
        self, visitor: Visitor, arguments: Arguments[messages.AddMessage]
    ) -> messages.AddedMessage:
        return await self._perform(visitor, arguments, self._backend.add_message, writes=True)

    async def list_messages(
        self, visitor: Visitor, arguments: Arguments[messages.ListMessages]
    ) -> messages.MessagePage:
        return await self._perform(visitor, arguments, self._backend.list_messages, writes=False)

    async def list_questions(
        self, visitor: Visitor, arguments: Arguments[messages.ListQuestions]
    ) -> messages.QuestionPage:
        return await self._perform(visitor, arguments, self._store.list_questions, writes=False)

    async def trigger_bot_build(
        self, visitor: Visitor, arguments: Arguments[tickets.TriggerBotBuild]
    ) -> tickets.TriggeredBuild:
        return await self._perform(visitor, arguments, self._backend.trigger_bot_build, writes=True)

    async def redact_ticket(
        self, visitor: Visitor, arguments: Arguments[redactions.RedactTicket]
    ) -> redactions.RedactedTicket:
        return await self._administer(visitor, arguments, self._backend.redact_ticket, writes=True)

    async def list_takes(
        self, visitor: Visitor, arguments: Arguments[takes.ListTakes]
    ) -> takes.TakeList:
        return await self._perform(visitor, arguments, self._store.list_takes, writes=False)

    async def find_similar(
        self, visitor: Visitor, arguments: Arguments[similarity.FindSimilar]
    ) -> similarity.SimilarTickets:
        return await self._perform(visitor, arguments, self._store.find_similar, writes=False)

    async def list_signals(
        self, visitor: Visitor, arguments: Arguments[signals.ListSignals]
    ) -> signals.SignalList:
        return await self._perform(visitor, arguments, self._store.list_signals, writes=False)

    async def list_people(
        self, visitor: Visitor, arguments: Arguments[people.ListPeople]
    ) -> people.PersonList:
        return await self._perform(visitor, arguments, self._store.list_people, writes=False)

    async def list_suggestions(
        self, visitor: Visitor, arguments: Arguments[suggestions.ListSuggestions]
    ) -> suggestions.SuggestionPage:
        return await self._perform(visitor, arguments, self._backend.list_suggestions, writes=False)

    async def suggest_close(
        self, visitor: Visitor, arguments: Arguments[suggestions.SuggestClose]
    ) -> suggestions.SuggestedClose:
        return await self._perform(visitor, arguments, self._backend.suggest_close, writes=True)

    async def act_on_suggestion(
        self, visitor: Visitor, arguments: Arguments[suggestions.ActOnSuggestion]
    ) -> suggestions.ActedSuggestion:
        return await self._perform(visitor, arguments, self._backend.act_on_suggestion, writes=True)

    async def find_builds(
        self, visitor: Visitor, arguments: Arguments[builds.FindBuilds]
    ) -> builds.BuildPage:
        return await self._perform(visitor, arguments, self._backend.find_builds, writes=False)

    async def create_build(
        self, visitor: Visitor, arguments: Arguments[builds.CreateBuild]
    ) -> builds.UpdatedBuild:
        return await self._perform(
            visitor,
            arguments,
            self._backend.create_build,
            writes=True,
            rule=builds.require_registrar,
        )

    async def get_build(
        self, visitor: Visitor, arguments: Arguments[builds.GetBuild]
    ) -> builds.Build:
        return await self._perform(visitor, arguments, self._backend.get_build, writes=False)

    async def update_build(
        self, visitor: Visitor, arguments: Arguments[builds.UpdateBuild]
    ) -> builds.UpdatedBuild:
        return await self._perform(visitor, arguments, self._backend.update_build, writes=True)

    async def report_build(
        self, visitor: Visitor, arguments: Arguments[builds.ReportBuild]
    ) -> builds.ReportedBuild:
        return await self._perform(visitor, arguments, self._backend.report_build, writes=True)

    async def report_run(
        self, visitor: Visitor, arguments: Arguments[runs.ReportRun]
    ) -> runs.ReportedRun:
        return await self._perform(visitor, arguments, self._store.report_run, writes=True)

    async def get_overview(
        self, visitor: Visitor, arguments: Arguments[overview.GetOverview]
    ) -> overview.Overview:
        return await self._perform(visitor, arguments, self._backend.get_overview, writes=False)

    async def list_projects(
        self, visitor: Visitor, arguments: Arguments[projects.ListProjects]
    ) -> projects.ProjectPage:
        return await self._perform(visitor, arguments, self._backend.list_projects, writes=False)

    async def create_project(
        self, visitor: Visitor, arguments: Arguments[projects.CreateProject]
    ) -> projects.CreatedProject:
        return await self._perform(
            visitor,
            arguments,
            self._backend.create_project,
            writes=True,
            rule=projects.require_starter,
        )

    async def change_project(
        self, visitor: Visitor, arguments: Arguments[projects.ChangeProject]
    ) -> projects.ChangedProject:
        return await self._administer(visitor, arguments, self._store.change_project, writes=True)

    async def prune(
        self, visitor: Visitor, arguments: Arguments[pruning.Prune], progress: Progress
    ) -> pruning.Pruned:
        async def prune(caller: Caller, request: pruning.Prune) -> pruning.Pruned:
            return await self._store.prune(caller, request, progress)

        writes = arguments.sent.get("dry_run") is not True
        return await self._administer(visitor, arguments, prune, writes=writes)

    async def link_repository(
        self, visitor: Visitor, arguments: Arguments[repositories.LinkRepository]
    ) -> repositories.LinkedRepository:
        return await self._administer(visitor, arguments, self._store.link_repository, writes=True)

    async def list_repositories(
        self, visitor: Visitor, arguments: Arguments[repositories.ListRepositories]
    ) -> repositories.RepositoryList:
        return await self._administer(
            visitor, arguments, self._store.list_repositories, writes=False
        )

    async def unlink_repository(
        self, visitor: Visitor, arguments: Arguments[repositories.UnlinkRepository]
    ) -> repositories.UnlinkedRepository:
        return await self._administer(
            visitor, arguments, self._store.unlink_repository, writes=True
        )

    async def take_delivery(
        self,
        visitor: Visitor,
        forge: ForgeName,
        repository: str,
        read: Callable[[str], Delivery],
    ) -> repositories.TakenDelivery:
        """Take what a forge tells of a repository; `read` checks and reads it with the secret of
        that, and runs beside other calls."""
        with self._noted(visitor, "take_delivery"):
            if self.read_only:
                raise Forbidden("This server only reads (HANDOFF_READ_ONLY=1).")
            secret = await self._store.find_secret(forge, repository)
            if secret is None:
                raise NotFound("This repository is linked to no project here.")
            delivery = await run_sync(read, secret)
            return await self._store.take_delivery(forge, delivery, self._policy)

    async def list_events(
        self, visitor: Visitor, arguments: Arguments[events.ListEvents]
    ) -> events.EventPage:
        return await self._perform(
            visitor,
            arguments,
            self._backend.list_events,
            writes=False,
            rule=events.require_history,
        )

    async def create_token(
        self, visitor: Visitor, arguments: Arguments[tokens.CreateToken]
    ) -> tokens.CreatedToken:
        return await self._administer(visitor, arguments, self._store.create_token, writes=True)

    async def list_tokens(
        self, visitor: Visitor, arguments: Arguments[tokens.ListTokens]
    ) -> tokens.TokenList:
        return await self._administer(visitor, arguments, self._store.list_tokens, writes=False)

    async def rotate_token(
        self, visitor: Visitor, arguments: Arguments[tokens.RotateToken]
    ) -> tokens.CreatedToken:
        return await self._administer(visitor, arguments, self._store.rotate_token, writes=True)

    async def revoke_token(
        self, visitor: Visitor, arguments: Arguments[tokens.RevokeToken]
    ) -> tokens.RevokedToken:
        return await self._administer(visitor, arguments, self._store.revoke_token, writes=True)

    async def get_receiver(
        self, visitor: Visitor, arguments: Arguments[receivers.GetReceiver]
    ) -> receivers.ShownReceiver:
        return await self._administer(visitor, arguments, self._store.get_receiver, writes=False)

    async def set_receiver(
        self, visitor: Visitor, arguments: Arguments[receivers.SetReceiver]
    ) -> receivers.ShownReceiver:
        return await self._administer(visitor, arguments, self._store.set_receiver, writes=True)

    async def add_webhook(
        self, visitor: Visitor, arguments: Arguments[webhooks.AddWebhook]
    ) -> webhooks.AddedWebhook:
        async def add_webhook(
            caller: Caller, request: webhooks.AddWebhook
        ) -> webhooks.AddedWebhook:
            if visitor.door != "cli":  # another machine may send, and allow others
                webhooks.require_reachable(request.url, self._webhook_networks)
            return await self._store.add_webhook(caller, request)

        return await self._administer(visitor, arguments, add_webhook, writes=True)

    async def list_webhooks(
        self, visitor: Visitor, arguments: Arguments[webhooks.ListWebhooks]
    ) -> webhooks.WebhookList:
        return await self._administer(visitor, arguments, self._store.list_webhooks, writes=False)

    async def remove_webhook(
        self, visitor: Visitor, arguments: Arguments[webhooks.RemoveWebhook]
    ) -> webhooks.RemovedWebhook:
        return await self._administer(visitor, arguments, self._store.remove_webhook, writes=True)

    async def test_webhook(
        self, visitor: Visitor, arguments: Arguments[webhooks.WebhookTest]
    ) -> webhooks.WebhookUnderTest:
        return await self._administer(visitor, arguments, self._store.test_webhook, writes=True)

    def whoami(self, visitor: Visitor) -> principals.Identity:
        """Return whom a visitor is taken for."""
        principal = visitor.principal
        with self._noted(visitor, "whoami"):
            projects = None if principal.projects is None else sorted(principal.projects)
            return principals.Identity(name=principal.name, role=principal.role, projects=projects)

    def may_write(self, visitor: Visitor) -> bool:
        """Tell whether a visitor may write anything here."""
        return not self.read_only and visitor.principal.role != "reader"

    def own_project(self, visitor: Visitor) -> str:
        """Return the project that a visitor means when it names none."""
        return visitor.project or visitor.principal.only_project or self._project

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Follow what changes in the backend, whoever may see it; the door knows who may."""
        return self._backend.changes()

    def end_waits(self) -> None:
        """Have every call answered that waits for a change, and none wait from now on."""
        self._waits.end()

    @property
    def _store(self) -> Store:
        if isinstance(self._backend, Store):
            return self._backend
        raise Unsupported("This server works on an API: that is kept over there.")

    async def _administer(
        self,
        visitor: Visitor,
        arguments: Arguments[RequestT],
        method: Method[RequestT, ResultT],
        *,
        writes: bool,
    ) -> ResultT:
        """Do what admins alone may do."""
        rule = principals.require_admin
        return await self._perform(visitor, arguments, method, writes=writes, rule=rule)

    async def _perform(
        self,
        visitor: Visitor,
        arguments: Arguments[RequestT],
        method: Method[RequestT, ResultT],
        *,
        writes: bool,
        rule: Rule | None = None,
    ) -> ResultT:
        operation, principal = method.__name__, visitor.principal
        with self._noted(visitor, operation):
            if writes and self.read_only:
                raise Forbidden(
                    f"{operation} writes, and this server only reads (HANDOFF_READ_ONLY=1)."
                )
            if writes:
                principals.require_writer(principal)
            if rule is not None:
                rule(principal)
            # A claim is not checked yet, and decides all the same which rules hold for the rest.
            roles = (visitor.actor.role, principal.role, arguments.sent.get("actor_role"))
            request = arguments.parse(BOT if BOT in roles else "user")
            claim = request if isinstance(request, Claim) else None
            caller = Caller(
                actor=stamped(visitor.actor, principal, claim),
                project=self.own_project(visitor),
                organization=self._organization,
                principal=principal,
                session=visitor.session,
                take_minutes=0 if self.read_only else self._take_minutes,
                policy=self._policy,
            )
            if getattr(request, "wait_s", 0) and isinstance(request, WaitingRequest):
                return await self._waits.read(method, caller, request, request, visitor.admission)
            return await method(caller, request)

    @contextmanager
    def _noted(self, visitor: Visitor, operation: str) -> Generator[None]:
        """Note how a call ends; it does so at once for whoever was refused on the way here."""
        admission = visitor.admission
        admission.noted = True
        call = Call(visitor.door, operation, visitor.principal.name, client=admission.client)
        with observed(self.observe, call):
            if admission.refusal is not None:
                raise admission.refusal
            try:
                yield
            finally:
                call.waited = admission.waited
