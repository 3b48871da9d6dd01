"""Taking a text out of a ticket over an API."""

from urllib.parse import quote

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Unsupported
from mcp_handoff.events import Change
from mcp_handoff.redactions import RedactedTicket, RedactTicket
from mcp_handoff.remote.api import Api, sent_key
from mcp_handoff.remote.paths import tickets_path
from mcp_handoff.remote.responses import parse_response
from mcp_handoff.remote.tickets import is_ours, project_of


async def redact_ticket(api: Api, caller: Caller, request: RedactTicket) -> RedactedTicket:
    """Take a text out of a ticket. Raises Unsupported where the API can't."""
    project = project_of(request, caller)
    if not await is_ours(api, project):
        raise Unsupported(
            f"The API at {api.tickets.address} takes no text out of a ticket; ask whoever runs it."
        )
    path = f"{tickets_path(project)}/{quote(request.ticket, safe='')}/redact"
    key = sent_key(caller, request.idempotency_key)
    response = await api.tickets.send("POST", path, body={"text": request.text}, key=key)
    redacted = parse_response(RedactedTicket, response, wrote=True)
    api.feed.publish([Change("ticket.redacted", None, redacted.ticket)])
    return redacted
