"""Cards: a ticket as the board shows it, with what tells where it stands there."""

from dataclasses import dataclass

from mcp_handoff.signals import Signals
from mcp_handoff.takes import ANYONE, NOBODY
from mcp_handoff.tickets import Ticket, urgency
from mcp_handoff.workflow import LIVE, STILL_TO_ACT

_HIGHEST = 10**15
"""More than any ticket's number."""


@dataclass(frozen=True, slots=True)
class Card:
    """A ticket with what stands beside it."""

    ticket: Ticket
    signals: Signals

    @property
    def order(self) -> str:
        """What sorts the cards of a column as text: the most urgent first, of what is live the
        newest."""
        ticket, number = self.ticket, self.ticket.number or 0
        if ticket.stage == LIVE:
            return f"{_HIGHEST - number:016}"
        return f"{urgency(ticket.priority or 'low', blocking=bool(ticket.blocking))}{number:016}"

    @property
    def facts(self) -> dict[str, list[str]]:
        """The values of each filter of the board that find this ticket."""
        ticket, signals = self.ticket, self.signals
        holders = [take.actor_id for take in signals.takes if take.actor_id]
        acting = [one.role for one in ticket.roles if one.status in STILL_TO_ACT]
        return {
            "role": [one.role for one in ticket.roles] if ticket.stage == LIVE else acting,
            "request_type": [ticket.request_type or ""],
            "priority": [ticket.priority or ""],
            "author": [ticket.actor_id or ""],
            "taken_by": [*holders, ANYONE] if signals.takes else [NOBODY],
            "blocking": ["true"] if ticket.blocking else [],
            "blocked": ["true"] if signals.open_blockers else [],
        }
