"""A store that hears of merges, as the tests ask it."""

from pathlib import Path
from typing import Any

from mcp_handoff.actors import Caller
from mcp_handoff.merges import Fact
from mcp_handoff.projects import ChangeProject, CreateProject
from mcp_handoff.proofs import LENIENT, Policy, Proof
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.suggestions import ActedSuggestion, Suggestion
from mcp_handoff.tickets import TicketDetail
from tests import requests
from tests.databases import in_store
from tests.facts import delivery


class Desk:
    def __init__(self, backend: StoreBackend, caller: Caller) -> None:
        self.backend = backend
        self.caller = caller

    async def file_ticket(self, **fields: Any) -> None:
        await self.backend.create_ticket(self.caller, requests.create_ticket(**fields))

    async def start_project(self, slug: str) -> None:
        await self.backend.create_project(self.caller, CreateProject(name=slug))

    async def hear(self, *facts: Fact, policy: Policy = LENIENT, **fields: Any) -> bool:
        """Have a server of this policy take one delivery with these facts; return whether it was
        taken before."""
        taken = await self.backend.take_delivery("github", delivery(*facts, **fields), policy)
        return taken.repeated

    async def detail(self, ticket: int = 1) -> TicketDetail:
        return await self.backend.get_ticket(self.caller, requests.get_ticket(ticket))

    async def suggestions(self, status: str = "pending") -> list[Suggestion]:
        """Return the suggestions with a status, the oldest first."""
        listing = requests.list_suggestions(status=status)
        page = await self.backend.list_suggestions(self.caller, listing)
        return [*reversed(page.suggestions)]

    async def suggest(self, **claim: Any) -> Suggestion:
        request = requests.suggest_close(1, **claim)
        return (await self.backend.suggest_close(self.caller, request)).suggestion

    async def proof_of(self, **claim: Any) -> Proof:
        """Return what was seen of a claim that an agent makes."""
        proof = (await self.suggest(**claim)).proof
        assert proof is not None, "it is pending"
        return proof

    async def execute(
        self, suggestion: Suggestion, caller: Caller | None = None
    ) -> ActedSuggestion:
        request = requests.execute(suggestion.id)
        return await self.backend.act_on_suggestion(caller or self.caller, request)

    async def set(self, **policies: bool) -> None:
        """Change the project's policies."""
        request = ChangeProject(project="shop", **policies)
        await self.backend.change_project(self.caller, request)

    async def update(self, **changes: Any) -> None:
        await self.backend.update_ticket(self.caller, requests.update_ticket(1, **changes))


def pending(store: Path, caller: Caller) -> list[Suggestion]:
    """Return what is suggested in the store of this file."""

    async def read(backend: StoreBackend) -> list[Suggestion]:
        listing = requests.list_suggestions(status="pending")
        return (await backend.list_suggestions(caller, listing)).suggestions

    return in_store(store, read)
