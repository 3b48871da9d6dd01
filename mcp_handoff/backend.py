"""Backend: the protocol of all that can be done."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from mcp_handoff.actors import Caller
from mcp_handoff.builds import (
    Build,
    BuildPage,
    CreateBuild,
    FindBuilds,
    GetBuild,
    UpdateBuild,
    UpdatedBuild,
)
from mcp_handoff.events import Change
from mcp_handoff.projects import CreatedProject, CreateProject, ListProjects, ProjectList
from mcp_handoff.runs import Attempt, Dispatch, ReportedRun, ReportRun
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    ListSuggestions,
    SuggestClose,
    SuggestedClose,
    SuggestionPage,
)
from mcp_handoff.tickets import (
    CreatedTicket,
    CreateTicket,
    FindTickets,
    GetTicket,
    ListTickets,
    TicketDetail,
    TicketList,
    TicketPage,
    TriggerBotBuild,
    TriggeredBuild,
)
from mcp_handoff.tokens import CreatedToken, CreateToken, Identity, Principal, RevokeToken, Token


class TokenStore(Protocol):
    """What keeps the tokens of a server."""

    async def create_token(self, request: CreateToken) -> CreatedToken:
        """Make a token. Raises AlreadyExists for a name in use, NotFound for a project."""
        ...

    async def list_tokens(self) -> list[Token]:
        """List all tokens, oldest first."""
        ...

    async def revoke_token(self, request: RevokeToken) -> Token:
        """End a token, at once and for good. Raises NotFound."""
        ...

    async def recognise(self, secret: str) -> Principal | None:
        """Return whom a secret belongs to, None when it is unknown, revoked or expired."""
        ...


class Backend(Protocol):
    """What keeps the tickets.

    Every call is whole or absent: what it returned is durable, what it raised changed nothing.
    Any call may raise BackendUnavailable; one that continues a page raises ValidationFailed for a
    cursor that is not its own; one that names a project, a ticket, a build or a suggestion raises
    NotFound where there is none; one with an idempotency key raises IdempotencyKeyReused when the
    key came with other arguments. A request without a project means the caller's own.
    """

    async def create_ticket(self, caller: Caller, request: CreateTicket) -> CreatedTicket:
        """File a ticket in stage backlog with its roles plus `merged`, all pending.

        A create that repeats an equal one by the same actor within ten minutes returns that ticket
        while it is open, `deduplicated`. Raises RolesRequired for a bot that names no role.
        """
        ...

    async def find_tickets(self, caller: Caller, request: FindTickets) -> TicketPage:
        """List a project's tickets, newest first."""
        ...

    async def list_tickets(self, caller: Caller, request: ListTickets) -> TicketList:
        """List a project's tickets whole, newest first."""
        ...

    async def get_ticket(self, caller: Caller, request: GetTicket) -> TicketDetail:
        """Read one ticket with its five newest suggestions, builds and events."""
        ...

    async def trigger_bot_build(self, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
        """Start a bot build for a ticket; while one is under way, return it unchanged.

        Raises TicketClosed.
        """
        ...

    async def list_suggestions(self, caller: Caller, request: ListSuggestions) -> SuggestionPage:
        """List a project's proposals to close, newest first."""
        ...

    async def suggest_close(self, caller: Caller, request: SuggestClose) -> SuggestedClose:
        """Propose to close a ticket; it stays pending for fourteen days."""
        ...

    async def act_on_suggestion(self, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
        """Execute or decline a pending suggestion; of many callers one wins.

        A suggestion whose ticket was closed or reopened since comes back `skipped` with the
        reason. Raises SuggestionNotPending, with the state that it lost to.
        """
        ...

    async def find_builds(self, caller: Caller, request: FindBuilds) -> BuildPage:
        """List an organization's builds, newest first."""
        ...

    async def create_build(self, caller: Caller, request: CreateBuild) -> UpdatedBuild:
        """Register a build that was made elsewhere; its status is ready."""
        ...

    async def get_build(self, caller: Caller, request: GetBuild) -> Build:
        """Read one build of an organization."""
        ...

    async def update_build(self, caller: Caller, request: UpdateBuild) -> UpdatedBuild:
        """Change what is said of a build; absent fields stay."""
        ...

    async def list_projects(self, caller: Caller, request: ListProjects) -> ProjectList:
        """List the projects, in the order of their slugs."""
        ...

    async def create_project(self, caller: Caller, request: CreateProject) -> CreatedProject:
        """Start a project. Raises AlreadyExists."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Follow what is changed from the moment this is entered, whoever asked for it: by this
        process and, where the backend tells of it, by others. A follower that falls far behind
        misses some. Raises BackendUnavailable when it can't be followed."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of everything."""
        ...


@runtime_checkable
class Remote(Protocol):
    """A backend that is somebody else's, and takes us for somebody."""

    async def whoami(self) -> Identity:
        """Return as whom we act there. Raises Unsupported where that is not told."""
        ...


@runtime_checkable
class Store(Backend, TokenStore, Protocol):
    """A backend that keeps the tokens of its server too, and sees to the runs that it starts."""

    async def count_dispatches(self) -> int:
        """Return how many triggered builds wait to be dispatched."""
        ...

    async def take_dispatch(self) -> Dispatch | None:
        """Lease the run that has waited longest for its dispatch, for LEASE_SECONDS; None when
        none is due that nobody else has."""
        ...

    async def settle_dispatch(self, dispatch: Dispatch, attempt: Attempt) -> None:
        """Keep how an attempt ended; nothing, once the lease went to someone else."""
        ...

    async def release_dispatch(self, dispatch: Dispatch) -> None:
        """Give a lease back, so that others need not wait until it ends."""
        ...

    async def report_run(self, request: ReportRun) -> ReportedRun:
        """Take a run further as it reports, with its build, its ticket and their history.

        What is late or repeated changes nothing. Raises NotFound.
        """
        ...
