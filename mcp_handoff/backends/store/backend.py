"""The Backend over a database of our own."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial

from mcp_handoff.actors import Caller
from mcp_handoff.backends.store import builds, projects, suggestions, tickets, tokens
from mcp_handoff.backends.store.transaction import Database
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


class StoreBackend:
    """Runs each operation in a transaction of `database`; see `Backend` for what they promise.

    With `dispatching`, every triggered build leaves an outbox row.
    """

    def __init__(self, database: Database, *, dispatching: bool = False) -> None:
        self._database = database
        self._dispatching = dispatching

    async def create_ticket(self, caller: Caller, request: CreateTicket) -> CreatedTicket:
        return await self._database.write(lambda tx: tickets.create_ticket(tx, caller, request))

    async def find_tickets(self, caller: Caller, request: FindTickets) -> TicketPage:
        return await self._database.read(lambda tx: tickets.find_tickets(tx, caller, request))

    async def list_tickets(self, caller: Caller, request: ListTickets) -> TicketList:
        return await self._database.read(lambda tx: tickets.list_tickets(tx, caller, request))

    async def get_ticket(self, caller: Caller, request: GetTicket) -> TicketDetail:
        return await self._database.read(lambda tx: tickets.get_ticket(tx, caller, request))

    async def trigger_bot_build(self, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
        trigger = partial(builds.trigger_bot_build, dispatching=self._dispatching)
        return await self._database.write(lambda tx: trigger(tx, caller, request))

    async def list_suggestions(self, caller: Caller, request: ListSuggestions) -> SuggestionPage:
        return await self._database.read(
            lambda tx: suggestions.list_suggestions(tx, caller, request)
        )

    async def suggest_close(self, caller: Caller, request: SuggestClose) -> SuggestedClose:
        return await self._database.write(lambda tx: suggestions.suggest_close(tx, caller, request))

    async def act_on_suggestion(self, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
        return await self._database.write(
            lambda tx: suggestions.act_on_suggestion(tx, caller, request)
        )

    async def find_builds(self, caller: Caller, request: FindBuilds) -> BuildPage:
        return await self._database.read(lambda tx: builds.find_builds(tx, caller, request))

    async def create_build(self, caller: Caller, request: CreateBuild) -> UpdatedBuild:
        return await self._database.write(lambda tx: builds.create_build(tx, caller, request))

    async def get_build(self, caller: Caller, request: GetBuild) -> Build:
        return await self._database.read(lambda tx: builds.get_build(tx, caller, request))

    async def update_build(self, caller: Caller, request: UpdateBuild) -> UpdatedBuild:
        return await self._database.write(lambda tx: builds.update_build(tx, caller, request))

    async def list_projects(self, caller: Caller, request: ListProjects) -> ProjectList:
        return await self._database.read(lambda tx: projects.list_projects(tx, caller, request))

    async def create_project(self, caller: Caller, request: CreateProject) -> CreatedProject:
        return await self._database.write(lambda tx: projects.create_project(tx, caller, request))

    async def create_token(self, request: CreateToken) -> CreatedToken:
        return await self._database.write(lambda tx: tokens.create_token(tx, request))

    async def list_tokens(self) -> list[Token]:
        return await self._database.read(tokens.list_tokens)

    async def revoke_token(self, request: RevokeToken) -> Token:
        return await self._database.write(lambda tx: tokens.revoke_token(tx, request))

    async def recognise(self, secret: str) -> Principal | None:
        return await self._database.read(lambda tx: tokens.recognise(tx, secret))

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self._database.changes()

    async def close(self) -> None:
        await self._database.close()
