"""Links: which tickets a ticket is blocked by."""

from typing import Annotated

from pydantic import AfterValidator, Field

from mcp_handoff.references import TicketName
from mcp_handoff.schema import Record
from mcp_handoff.workflow import Status

MOST_BLOCKERS = 20
"""How many tickets one is blocked by at most."""

SHOWN = 20
"""How many of the tickets that one blocks are shown with it."""


def _without_repeats(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


Blockers = Annotated[
    list[TicketName], Field(max_length=MOST_BLOCKERS), AfterValidator(_without_repeats)
]
"""The tickets that must be closed first, of any project of the organization."""


class LinkedTicket(Record):
    """A ticket that another one blocks, or is blocked by."""

    reference: str
    title: str
    status: Status
