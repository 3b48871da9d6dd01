"""The threads of tickets over an API."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Unsupported
from mcp_handoff.events import Change
from mcp_handoff.messages import AddedMessage, AddMessage, ListMessages, MessagePage
from mcp_handoff.references import parse_name, reference
from mcp_handoff.remote.api import Api, sent_key
from mcp_handoff.remote.paths import tickets_path
from mcp_handoff.remote.responses import as_object, objects, parse_response
from mcp_handoff.remote.tickets import NamesTicket, find_row, is_ours, project_of
from mcp_handoff.text.masking import masked_fields


async def add_message(api: Api, caller: Caller, request: AddMessage) -> AddedMessage:
    """Write into a ticket's thread. Raises Unsupported for a message to a role, or one that answers
    another, where the API has no such thing."""
    path, name = await _thread_of(api, caller, request)
    given = request.model_dump(include={"body", "to_role", "answers"}, exclude_none=True)
    if not api.tickets.is_ours and len(given) > 1:
        raise Unsupported(
            f"The API at {api.tickets.address} addresses no messages; leave to_role and answers"
            " out, and say in the body whom it is for."
        )
    body, masked = masked_fields(given)
    key = sent_key(caller, request.idempotency_key)
    response = await api.tickets.send("POST", path, body=body, key=key)
    fields = {"ticket": name, **response, "message": _fields(response.get("message"))}
    added = parse_response(AddedMessage, fields, wrote=True, masked=masked)
    api.feed.publish([Change("message.added", None, added.ticket)])
    return added


async def list_messages(api: Api, caller: Caller, request: ListMessages) -> MessagePage:
    """Return a page of a ticket's thread."""
    path, _ = await _thread_of(api, caller, request)
    query = {"limit": request.limit, "cursor": request.cursor}
    response = await api.tickets.send("GET", path, query=query)
    messages = [_fields(row) for row in objects(response.get("messages"))]
    return parse_response(MessagePage, {**response, "messages": messages}, wrote=False)


async def _thread_of(api: Api, caller: Caller, request: NamesTicket) -> tuple[str, str]:
    """Return where a ticket's thread is, and what the ticket is called; the documented API knows it
    by its id alone."""
    assert request.ticket is not None, "a thread is of a ticket"
    project, name = project_of(request, caller), request.ticket
    told = name
    if not await is_ours(api, project) and parse_name(name).id is None:
        project = request.project or caller.project
        row = await find_row(api, project, name)
        name = str(row["id"])
        told = reference(row["number"], project) if "number" in row else name
    return f"{tickets_path(project)}/{quote(name, safe='')}/messages", told


def _fields(row: object) -> Mapping[str, Any]:
    """Return a message's row under our names."""
    fields = as_object(row)
    role = "bot" if fields.get("author_type") == "agent" else "user"
    ours = {"actor_role": role, "actor_id": fields.get("author_id")}
    return {**ours, **{name: value for name, value in fields.items() if value is not None}}
