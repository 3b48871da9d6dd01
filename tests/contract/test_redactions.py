"""Taking a text out of a ticket, over every backend."""

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from mcp_handoff.errors import NotFound
from mcp_handoff.redactions import MARK, RedactTicket
from tests import requests

TEXT = "Ada Lovelace, 12 Byron Road"


async def test_a_text_is_taken_out_of_a_ticket_and_of_what_is_shown_with_it(
    backend: Backend, caller: Caller, kind: str
) -> None:
    described = requests.create_ticket(description=f"The customer is {TEXT}.")
    filed = await backend.create_ticket(caller, described)
    await backend.add_message(caller, requests.add_message(1, f"{TEXT} called again."))
    await backend.suggest_close(caller, requests.suggest_close(1, evidence={"who": TEXT}))
    redacted = await backend.redact_ticket(caller, RedactTicket(ticket="1", text=TEXT))
    assert (redacted.ticket, redacted.stays_in) == ("HO-1-shop", [])
    assert redacted.places >= 3  # over an API, in the results of its keys too
    assert redacted.erased is (kind != "postgresql")
    detail = await backend.get_ticket(caller, requests.get_ticket(1))
    assert detail.ticket.description == f"The customer is {MARK}."
    assert detail.messages[0].body == f"{MARK} called again."
    assert detail.suggestions[0].evidence == {"who": MARK}
    assert TEXT not in detail.model_dump_json()
    assert detail.ticket.id == filed.ticket.id


async def test_a_text_that_is_taken_out_already_stands_nowhere(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket(description=f"It is {TEXT}."))
    await backend.redact_ticket(caller, RedactTicket(ticket="1", text=TEXT))
    with pytest.raises(NotFound, match="text does not occur in HO-1-shop"):
        await backend.redact_ticket(caller, RedactTicket(ticket="1", text=TEXT))


async def test_no_text_is_taken_out_of_a_ticket_that_is_not_there(
    backend: Backend, caller: Caller
) -> None:
    await backend.create_ticket(caller, requests.create_ticket())
    with pytest.raises(NotFound, match="ticket 7 is not in project shop"):
        await backend.redact_ticket(caller, RedactTicket(ticket="7", text=TEXT))
