"""Signals: what stands beside a ticket on a card of the board."""

from typing import Annotated, Protocol

from pydantic import Field

from mcp_handoff.actors import Caller
from mcp_handoff.builds import BuildStatus
from mcp_handoff.merges import LinkedChange
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName
from mcp_handoff.schema import Record, Request
from mcp_handoff.takes import Take
from mcp_handoff.tickets import TicketDetail

MOST_TICKETS = 200
"""Of how many tickets the signals are listed at once."""

BLOCKERS_SHOWN = 5
"""How many of the open tickets that block one stand beside it."""


class BuildSignal(Record):
    """A build as a card shows it."""

    id: str
    display_name: str
    status: BuildStatus
    url: str | None = None


class Signals(Record):
    """Who holds a ticket's roles, which open tickets block it (BLOCKERS_SHOWN at most), its newest
    build that is active among those that are shown with it, and its change: the newest of those
    that declare to close it, else of those that mention it."""

    takes: list[Take] = Field(default_factory=list[Take])
    open_blockers: list[str] = Field(default_factory=list[str])
    more_blockers: bool = False
    build: BuildSignal | None = None
    change: LinkedChange | None = None


class ListSignals(Request):
    """List the signals of some tickets: a number means one of the project, a reference and a uuid
    one of any."""

    tickets: Annotated[list[TicketName], Field(max_length=MOST_TICKETS)]
    project: ProjectName | None = None


class SignalList(Record):
    """The signals of each ticket, by its reference (HO-12-shop); what the caller sees no ticket of
    is left out."""

    signals: dict[str, Signals]


class SignalOperations(Protocol):
    """What a store tells of signals."""

    async def list_signals(self, caller: Caller, request: ListSignals, /) -> SignalList:
        """List the signals of some tickets. Raises NotFound where a project is named that is not
        there."""
        ...


def signals_of(detail: TicketDetail) -> Signals:
    """Return the signals of a ticket that was read, as list_signals has them."""
    active = next((build for build in detail.builds if build.is_active), None)
    return Signals(
        takes=detail.takes,
        open_blockers=detail.open_blockers[:BLOCKERS_SHOWN],
        more_blockers=len(detail.open_blockers) > BLOCKERS_SHOWN,
        build=active and BuildSignal.model_validate(active.model_dump()),
        change=next(iter(detail.changes), None),
    )
