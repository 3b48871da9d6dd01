"""A tool: what it is called, takes, does and answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.mcp.answers import Answer, Reader
from mcp_handoff.mcp.apps import App
from mcp_handoff.mcp.tools.schemas import OUTPUT_SCHEMA, input_schema
from mcp_handoff.schema import Record, Request
from mcp_handoff.validation import Arguments

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT", bound=Record)
AnswerT = TypeVar("AnswerT", bound=Answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[RequestT, ResultT, AnswerT]):
    """A tool over one operation of the desk, by its name.

    `tell` makes its `answer` of what was done, for whoever reads it. `fixed` are fields of the
    request that no caller may set; `required` names arguments as `input_schema` takes them; an
    `app` shows the answers to people, where the client can.
    """

    name: str
    title: str
    description: str
    request: type[RequestT]
    perform: Callable[[Desk, Visitor, Arguments[RequestT]], Awaitable[ResultT]]
    answer: type[AnswerT]
    tell: Callable[[ResultT, Reader], AnswerT]
    reads: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    required: Sequence[str] = ()
    app: App | None = None

    def listed(self) -> dict[str, Any]:
        """Return the tool as tools/list shows it.

        Hints that have the protocol's defaults are left out (read-only false, destructive true,
        idempotent false, open world true), and two of a tool that only reads: there they mean
        nothing.
        """
        hints = {
            "readOnlyHint": self.reads or None,
            "destructiveHint": None if self.reads or self.destructive else False,
            "idempotentHint": self.idempotent or None,
            "openWorldHint": None if self.open_world else False,
        }
        listed = {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": input_schema(self.request, required=self.required, hidden=self.fixed),
            "outputSchema": dict(OUTPUT_SCHEMA),
            "annotations": {name: hint for name, hint in hints.items() if hint is not None},
        }
        return {**listed, "_meta": self.app.meta} if self.app else listed
