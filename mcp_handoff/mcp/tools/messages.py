"""The tool of a ticket's thread."""

from mcp_handoff.desk import Desk
from mcp_handoff.mcp.answers import Answer, Line, Reader
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import written
from mcp_handoff.messages import AddedMessage, AddMessage


class AddedAnswer(Answer):
    """The message that was written."""

    ticket: Line
    message_id: str
    masked: list[str] | None = None


def _tell_added(result: AddedMessage, reader: Reader) -> AddedAnswer:
    asked = result.message.to_role
    words = [f"Written into the thread of {result.ticket}."]
    if result.answered:
        words.append("It answers the message that was asked; whoever waited for that goes on.")
    if result.parked:
        words.append(f"What you hold of it is parked until {asked} answers.")
    if asked:
        words.append(f"Next: get_ticket with ticket {result.ticket} shows the answer.")
    return AddedAnswer(
        message=written(result, " ".join(words), result.masked),
        ticket=result.ticket,
        message_id=result.message.id,
        masked=result.masked,
    )


ADD_MESSAGE = Tool(
    name="add_message",
    title="Write a message",
    description=(
        "Post a message or comment on a ticket, into its thread: ask a role such as design"
        " (to_role), which parks what you hold until it answers; answer the question that was"
        " asked; tell people what you found out."
    ),
    request=AddMessage,
    perform=Desk.add_message,
    answer=AddedAnswer,
    tell=_tell_added,
)
