"""Backend: all that can be done, put together from each noun's part."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from mcp_handoff.archives.archive import ArchiveOperations
from mcp_handoff.builds import BuildOperations
from mcp_handoff.dispatches import DispatchOperations
from mcp_handoff.events import Change, EventOperations
from mcp_handoff.messages import MessageOperations, QuestionOperations
from mcp_handoff.overview import OverviewOperations
from mcp_handoff.people import PersonOperations
from mcp_handoff.principals import Identity
from mcp_handoff.projects import PolicyOperations, ProjectOperations
from mcp_handoff.pruning import PruningOperations
from mcp_handoff.receivers import ReceiverOperations
from mcp_handoff.redactions import RedactionOperations
from mcp_handoff.repositories import RepositoryOperations
from mcp_handoff.runs import RunOperations
from mcp_handoff.signals import SignalOperations
from mcp_handoff.similarity import SimilarityOperations
from mcp_handoff.suggestions import SuggestionOperations
from mcp_handoff.takes import TakeOperations
from mcp_handoff.tickets import TicketOperations
from mcp_handoff.tokens import TokenOperations
from mcp_handoff.trackers.incoming import IncomingOperations
from mcp_handoff.webhooks import WebhookOperations
from mcp_handoff.work import WorkOperations


class Backend(
    TicketOperations,
    WorkOperations,
    MessageOperations,
    SuggestionOperations,
    BuildOperations,
    ProjectOperations,
    OverviewOperations,
    EventOperations,
    RedactionOperations,
    Protocol,
):
    """What keeps the tickets.

    Every call is whole or absent: what it returned is durable, what it raised changed nothing.
    Any call may raise BackendUnavailable; one that continues a page raises ValidationFailed for a
    cursor that is not its own; one that names a project, a ticket, a build or a suggestion raises
    NotFound where there is none; one with an idempotency key raises IdempotencyKeyReused when the
    key came with other arguments. A request without a project means the caller's own.
    """

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """Follow what is changed from the moment this is entered, whoever asked for it: by this
        process and, over a store whose system tells of it, by others. A subscriber that may have
        missed some hears of EVERYTHING. Raises BackendUnavailable when it can't be followed."""
        ...

    async def check_ready(self) -> None:
        """Raise BackendUnavailable when calls would fail: for a look now and then, as cheap as it
        can be."""
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of everything."""
        ...


@runtime_checkable
class Remote(Protocol):
    """A backend that is somebody else's, and takes us for somebody."""

    async def whoami(self) -> Identity:
        """Return as whom we act there. Raises Unsupported where that can't be asked."""
        ...


@runtime_checkable
class Store(
    Backend,
    TakeOperations,
    SignalOperations,
    SimilarityOperations,
    PersonOperations,
    QuestionOperations,
    TokenOperations,
    RunOperations,
    DispatchOperations,
    ReceiverOperations,
    PolicyOperations,
    PruningOperations,
    RepositoryOperations,
    WebhookOperations,
    ArchiveOperations,
    IncomingOperations,
    Protocol,
):
    """A backend that keeps the tokens of its server too, sees to the runs that it starts, hears
    of what is merged, and tells others what happens."""

    async def list_organizations(self) -> list[str]:
        """Return the slugs of the organizations that the store holds: none before its first, and
        several only where an older version let them in."""
        ...

    async def open_organization(self, slug: str, /) -> str:
        """Return the id of the store's organization, which the first to ask makes its own.

        Raises Misconfigured for another.
        """
        ...

    async def expire_suggestions(self) -> None:
        """Mark the pending suggestions whose time is over, each with an event."""
        ...

    async def forget_deliveries(self) -> None:
        """Forget which deliveries of forges were taken long ago."""
        ...

    async def forget_keys(self, days: int) -> None:
        """Forget the idempotency keys that were used more than so many days ago."""
        ...
