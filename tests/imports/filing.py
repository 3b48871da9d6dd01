"""Reading what other trackers exported, filing it, and looking at what became of it."""

import json
from pathlib import Path
from typing import Any

from mcp_handoff.actors import Actor, Caller, bot
from mcp_handoff.archives.archive import Outcome
from mcp_handoff.messages import Message
from mcp_handoff.progress import untold
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tickets import TicketDetail
from mcp_handoff.trackers import beads, github
from mcp_handoff.trackers.incoming import Incoming, checked
from tests import requests
from tests.databases import open_database

SHOP = Caller(Actor("user", "cli", "grace"), project="shop")


def issues(file: Path, *given: Any) -> Incoming:
    """Return what is read of a file with these issues of GitHub."""
    file.write_text(json.dumps(given))
    return checked("github", github.read(file))


def pages(file: Path, *given: Any) -> Incoming:
    """Return what is read of a file with these pages of issues, one after the other."""
    file.write_text("".join(map(json.dumps, given)))
    return checked("github", github.read(file))


def beads_of(file: Path, *given: Any) -> Incoming:
    """Return what is read of a file with these issues of beads."""
    file.write_text("".join(f"{json.dumps(one)}\n" for one in given))
    return checked("beads", beads.read(file))


async def filed(name: str, incoming: Incoming, *, dry_run: bool = False) -> Outcome:
    backend = StoreBackend(open_database(name))
    try:
        return await backend.import_tickets(SHOP, incoming, untold, dry_run=dry_run)
    finally:
        await backend.close()


async def read(name: str, *numbers: int) -> list[TicketDetail]:
    """Return tickets of project shop with all that is shown of them."""
    backend = StoreBackend(open_database(name))
    caller = Caller(bot("agent-1"), project="shop")
    found = [await backend.get_ticket(caller, requests.get_ticket(number)) for number in numbers]
    await backend.close()
    return found


async def thread_of(name: str, number: int) -> list[Message]:
    """Return all messages of a ticket, oldest first."""
    backend = StoreBackend(open_database(name))
    page = await backend.list_messages(SHOP, requests.list_messages(number))
    await backend.close()
    return page.messages


async def numbers_in(name: str, **asked: Any) -> list[int | None]:
    backend = StoreBackend(open_database(name))
    page = await backend.find_tickets(SHOP, requests.find_tickets(**asked))
    await backend.close()
    return [ticket.number for ticket in page.tickets]


def imported(detail: TicketDetail) -> dict[str, Any]:
    """Return what a ticket keeps of where it came from."""
    assert detail.ticket.evidence is not None
    return detail.ticket.evidence["imported"]
