"""The Backend over a database of our own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

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
from mcp_handoff.store import (
    builds,
    projects,
    runs,
    suggestions,
    tickets,
    tokens,
    triggers,
)
from mcp_handoff.store.transaction import Database, Transaction
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
from mcp_handoff.tokens import CreatedToken, CreateToken, Principal, RevokeToken, Token
from mcp_handoff.tracing import span

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")

Operation = Callable[[Transaction, Caller, RequestT], ResultT]


class StoreBackend:
    """Runs each operation in a transaction of `database`; see `Backend` for what they promise.

    With `dispatching`, every triggered build leaves an outbox row.
    """

    def __init__(self, database: Database, *, dispatching: bool = False) -> None:
        self._database = database
        self._trigger = triggers.trigger_and_queue if dispatching else triggers.trigger_bot_build

    async def create_ticket(self, caller: Caller, request: CreateTicket) -> CreatedTicket:
        return await self._write(tickets.create_ticket, caller, request)

    async def find_tickets(self, caller: Caller, request: FindTickets) -> TicketPage:
        return await self._read(tickets.find_tickets, caller, request)

    async def list_tickets(self, caller: Caller, request: ListTickets) -> TicketList:
        return await self._read(tickets.list_tickets, caller, request)

    async def get_ticket(self, caller: Caller, request: GetTicket) -> TicketDetail:
        return await self._read(tickets.get_ticket, caller, request)

    async def trigger_bot_build(self, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
        return await self._write(self._trigger, caller, request)

    async def list_suggestions(self, caller: Caller, request: ListSuggestions) -> SuggestionPage:
        return await self._read(suggestions.list_suggestions, caller, request)

    async def suggest_close(self, caller: Caller, request: SuggestClose) -> SuggestedClose:
        return await self._write(suggestions.suggest_close, caller, request)

    async def act_on_suggestion(self, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
        return await self._write(suggestions.act_on_suggestion, caller, request)

    async def find_builds(self, caller: Caller, request: FindBuilds) -> BuildPage:
        return await self._read(builds.find_builds, caller, request)

    async def create_build(self, caller: Caller, request: CreateBuild) -> UpdatedBuild:
        return await self._write(builds.create_build, caller, request)

    async def get_build(self, caller: Caller, request: GetBuild) -> Build:
        return await self._read(builds.get_build, caller, request)

    async def update_build(self, caller: Caller, request: UpdateBuild) -> UpdatedBuild:
        return await self._write(builds.update_build, caller, request)

    async def list_projects(self, caller: Caller, request: ListProjects) -> ProjectList:
        return await self._read(projects.list_projects, caller, request)

    async def create_project(self, caller: Caller, request: CreateProject) -> CreatedProject:
        return await self._write(projects.create_project, caller, request)

    async def create_token(self, request: CreateToken) -> CreatedToken:
        return await self._database.write(lambda tx: tokens.create_token(tx, request))

    async def list_tokens(self) -> list[Token]:
        return await self._database.read(tokens.list_tokens)

    async def revoke_token(self, request: RevokeToken) -> Token:
        return await self._database.write(lambda tx: tokens.revoke_token(tx, request))

    async def recognise(self, secret: str) -> Principal | None:
        return await self._database.read(lambda tx: tokens.recognise(tx, secret))

    async def count_dispatches(self) -> int:
        return await self._database.read(runs.count_dispatches)

    async def take_dispatch(self) -> Dispatch | None:
        return await self._database.write(runs.take_dispatch)

    async def settle_dispatch(self, dispatch: Dispatch, attempt: Attempt) -> None:
        await self._database.write(lambda tx: runs.settle_dispatch(tx, dispatch, attempt))

    async def release_dispatch(self, dispatch: Dispatch) -> None:
        await self._database.write(lambda tx: runs.release_dispatch(tx, dispatch))

    async def report_run(self, request: ReportRun) -> ReportedRun:
        return await self._database.write(lambda tx: runs.report_run(tx, request))

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self._database.changes()

    async def close(self) -> None:
        await self._database.close()

    async def _write(
        self, operation: Operation[RequestT, ResultT], caller: Caller, request: RequestT
    ) -> ResultT:
        with span(f"store {operation.__name__}"):
            return await self._database.write(lambda tx: operation(tx, caller, request))

    async def _read(
        self, operation: Operation[RequestT, ResultT], caller: Caller, request: RequestT
    ) -> ResultT:
        with span(f"store {operation.__name__}"):
            return await self._database.read(lambda tx: operation(tx, caller, request))
