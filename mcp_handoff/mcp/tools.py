"""The ten tools: what each is called, takes, answers and changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp_types import Tool as ListedTool
from mcp_types import ToolAnnotations

from mcp_handoff.builds import BuildPage, FindBuilds, UpdateBuild, UpdatedBuild
from mcp_handoff.mcp.schemas import input_schema, output_schema
from mcp_handoff.projects import ListProjects, ProjectList
from mcp_handoff.schema import Record, Request
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    ListSuggestions,
    SuggestClose,
    SuggestedClose,
    SuggestionPage,
)
from mcp_handoff.tickets import (
    CreatedTicket,
    CreateTicket,
    FindTickets,
    GetTicket,
    TicketDetail,
    TicketPage,
    TriggerBotBuild,
    TriggeredBuild,
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool; its name is also the name of the backend's method that it calls.

    `required` and `nullable` name arguments as `input_schema` takes them.
    """

    name: str
    title: str
    description: str
    request: type[Request]
    result: type[Record]
    reads: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False
    required: Sequence[str] = ()
    nullable: Sequence[str] = ()

    def listed(self) -> ListedTool:
        """Return the tool as tools/list shows it."""
        return ListedTool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self._input_schema(),
            output_schema=output_schema(self.result),
            annotations=ToolAnnotations(
                read_only_hint=self.reads,
                destructive_hint=self.destructive,
                idempotent_hint=self.reads or self.idempotent,
                open_world_hint=self.open_world,
            ),
        )

    def _input_schema(self) -> dict[str, Any]:
        return input_schema(self.request, required=self.required, nullable=self.nullable)


TOOLS: tuple[Tool, ...] = (
    Tool(
        name="create_ticket",
        title="File a handoff ticket",
        description=(
            "Hand work to one or more roles: files a ticket in backlog. An equal ticket of yours"
            " from the last ten minutes is returned instead of a second one. Send an"
            " idempotency_key to retry safely."
        ),
        request=CreateTicket,
        result=CreatedTicket,
        idempotent=False,
        required=("roles",),
    ),
    Tool(
        name="find_tickets",
        title="Find tickets",
        description="List a project's tickets, newest first, or search titles and descriptions.",
        request=FindTickets,
        result=TicketPage,
        reads=True,
    ),
    Tool(
        name="get_ticket",
        title="Read a ticket",
        description=(
            "Read one ticket whole, with its newest suggestions, builds and events."
            " ticket: uuid, reference (HO-12-shop) or number."
        ),
        request=GetTicket,
        result=TicketDetail,
        reads=True,
    ),
    Tool(
        name="trigger_bot_build",
        title="Start a bot build",
        description=(
            "Start a bot build for an open ticket. While one is under way it is returned unchanged."
        ),
        request=TriggerBotBuild,
        result=TriggeredBuild,
        idempotent=True,
        open_world=True,
    ),
    Tool(
        name="list_suggestions",
        title="List closing suggestions",
        description="List proposals to close tickets, newest first.",
        request=ListSuggestions,
        result=SuggestionPage,
        reads=True,
    ),
    Tool(
        name="suggest_close",
        title="Suggest closing a ticket",
        description=(
            "Propose to close a ticket whose work is merged, with evidence that can be checked."
            " The ticket is not changed until someone executes the suggestion."
        ),
        request=SuggestClose,
        result=SuggestedClose,
    ),
    Tool(
        name="act_on_suggestion",
        title="Execute or decline a suggestion",
        description=(
            "execute marks the implementation roles done and moves the ticket to validation, or"
            " closes it when no role is left open; decline leaves it as it is. Once only, final."
        ),
        request=ActOnSuggestion,
        result=ActedSuggestion,
        destructive=True,
    ),
    Tool(
        name="find_builds",
        title="Find builds",
        description="List an organization's builds, newest first.",
        request=FindBuilds,
        result=BuildPage,
        reads=True,
    ),
    Tool(
        name="update_build",
        title="Update a build",
        description=(
            "Change what is said of a build. Absent fields stay; null clears description and"
            " metadata; metadata is replaced whole."
        ),
        request=UpdateBuild,
        result=UpdatedBuild,
        destructive=True,
        idempotent=True,
        nullable=("description", "metadata"),
    ),
    Tool(
        name="list_projects",
        title="List projects",
        description="List the projects that hold tickets.",
        request=ListProjects,
        result=ProjectList,
        reads=True,
    ),
)
