"""Messages: the thread of a ticket, what is asked in it, and the notes that go with the work.

Bodies: the ticket API's documented page "Human posts a message to a ticket thread"
(docs/rest.md).
"""

from typing import Annotated, Literal, Protocol

from pydantic import Field, StringConstraints

from mcp_handoff.actors import Caller
from mcp_handoff.events import author
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName
from mcp_handoff.schema import (
    STORABLE,
    Cursor,
    IdempotencyKey,
    Limit,
    Record,
    Replayable,
    Request,
    Timestamp,
    Uuid,
)
from mcp_handoff.workflow import WORK_ROLES, WorkRole

MessageKind = Literal["message", "handoff"]

Body = Annotated[str, StringConstraints(min_length=1, max_length=25_000), STORABLE]
"""What a message says."""


class Message(Record):
    """A message of a ticket's thread.

    `handoff` are the notes with which a role was finished or given back or the ticket was closed.
    One to a role waits for an answer (`waits`) until another answers it. `ticket` is the reference
    of the ticket that it stands in, where that is not the one that is shown.
    """

    id: str
    kind: MessageKind = "message"
    body: str
    actor_role: str
    actor_id: str | None = None
    principal_id: str | None = None
    principal_name: str | None = None
    to_role: str | None = None
    answers: str | None = None
    waits: bool = False
    ticket: str | None = None
    created_at: Timestamp

    @property
    def author(self) -> str:
        """Who wrote it, as it said and as it proved."""
        return author(self.actor_role, self.actor_id, self.principal_id, self.principal_name)


class AddMessage(Request):
    """Write into a ticket's thread: ask a role, answer, or report."""

    ticket: TicketName
    body: Body
    to_role: Annotated[WorkRole, Field(description="whose answer you wait for")] | None = None
    answers: Annotated[Uuid, Field(description="the message that this answers")] | None = None
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class AddedMessage(Replayable):
    """The message, with the reference of its ticket; `parked` if its author's take waits for the
    answer, `answered` if it answers somebody."""

    message: Message
    ticket: str
    parked: bool = False
    answered: str | None = None
    masked: list[str] | None = None


class ListMessages(Request):
    """Read a ticket's thread, oldest first."""

    ticket: TicketName
    limit: Limit = 50
    cursor: Cursor | None = None
    project: ProjectName | None = None


class MessagePage(Record):
    """Messages of a ticket, oldest first."""

    messages: list[Message]
    next_cursor: str | None = None


class Question(Record):
    """A message that waits for a role's answer, with the reference and the title of its ticket."""

    ticket: str
    title: str
    message: Message


class ListQuestions(Request):
    """Read what waits in a project for the answer of one of these roles, of any where none is
    named, whatever became of the tickets."""

    roles: Annotated[list[WorkRole], Field(max_length=len(WORK_ROLES))] = Field(
        default_factory=list[WorkRole]
    )
    limit: Limit = 50
    cursor: Cursor | None = None
    project: ProjectName | None = None


class QuestionPage(Record):
    """What has waited longest, oldest first."""

    questions: list[Question]
    next_cursor: str | None = None


class QuestionOperations(Protocol):
    """What a store tells of questions."""

    async def list_questions(self, caller: Caller, request: ListQuestions, /) -> QuestionPage:
        """Return a page of what waits in a project for an answer, oldest first. Raises NotFound."""
        ...


class MessageOperations(Protocol):
    """What a backend does with messages."""

    async def add_message(self, caller: Caller, request: AddMessage, /) -> AddedMessage:
        """Write into a ticket's thread, also of a closed one.

        What is addressed to a role waits for that role's answer, and parks the takes of whoever
        asks until then.
        """
        ...

    async def list_messages(self, caller: Caller, request: ListMessages, /) -> MessagePage:
        """Return a page of a ticket's thread, oldest first."""
        ...
