"""A tool: what it is called, takes, does and answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from mcp_types import Tool as ListedTool
from mcp_types import ToolAnnotations

from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.mcp.tools.schemas import input_schema, output_schema
from mcp_handoff.schema import Record, Request
from mcp_handoff.validation import Arguments

RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[RequestT, ResultT]):
    """A tool over one operation of the desk, by its name.

    `describe` gives the text of its answer; `holds_others_words` whether others wrote some of what
    is in it. `fixed` are fields of the request that no caller may set; `required` and `nullable`
    name arguments as `input_schema` takes them.
    """

    name: str
    title: str
    description: str
    request: type[RequestT]
    result: type[ResultT]
    perform: Callable[[Desk, Visitor, Arguments[RequestT]], Awaitable[ResultT]]
    describe: Callable[[ResultT], str]
    holds_others_words: bool
    reads: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    required: Sequence[str] = ()
    nullable: Sequence[str] = ()

    def listed(self) -> ListedTool:
        """Return the tool as tools/list shows it."""
        return ListedTool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=input_schema(
                self.request, required=self.required, nullable=self.nullable, hidden=self.fixed
            ),
            output_schema=output_schema(self.result),
            annotations=ToolAnnotations(
                read_only_hint=self.reads,
                destructive_hint=self.destructive,
                idempotent_hint=self.reads or self.idempotent,
                open_world_hint=self.open_world,
            ),
        )
