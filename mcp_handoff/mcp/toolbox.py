"""The tools over one desk, for every transport and protocol revision."""

import logging
from collections.abc import Mapping
from typing import Any

from mcp_handoff.actors import bot
from mcp_handoff.admission import Admission
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError
from mcp_handoff.ids import new_id
from mcp_handoff.mcp.answers import Reader, result_of
from mcp_handoff.mcp.arguments import Reading
from mcp_handoff.mcp.progress import Report, progress_reported
from mcp_handoff.mcp.results import DEFECT, ToolResult, tool_error
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.near_names import nearest_tool
from mcp_handoff.text.characters import shortened, visible
from mcp_handoff.validation import Arguments

logger = logging.getLogger(__name__)


class Toolbox:
    """Performs calls of tools; every call acts as a bot.

    Nothing here knows of a transport or the SDK, so that a call costs what the desk takes for it,
    and a process that is only called needs no more.
    """

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self.desk = desk
        self._actor_id = settings.actor_id
        self._session = new_id()
        self._tools: Mapping[str, Tool[Any, Any, Any]] = {tool.name: tool for tool in TOOLS}
        self._readings = dict[str, Reading]()

    @property
    def shown(self) -> list[Tool[Any, Any, Any]]:
        """The tools that are listed: a server that only reads shows those that read."""
        return [tool for tool in TOOLS if tool.reads or not self.desk.read_only]

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def writes(self, name: str) -> bool:
        """Tell whether a tool that there is changes anything."""
        return not self._tools[name].reads

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        visitor: Visitor,
        report: Report | None = None,
    ) -> ToolResult:
        """Perform a call of a tool that there is, and tell what it did, or why it did nothing."""
        tool = self._tools[name]
        sent = Arguments(tool.request, self._reading(tool).meant(arguments), tool.fixed)
        async with progress_reported(report, name, visitor.admission):
            try:
                done = await tool.perform(self.desk, visitor, sent)
                return result_of(tool.tell(done, self._reader(visitor, sent)))
            except HandoffError as error:
                return tool_error(error)
            except Exception:
                logger.exception("%s failed", name)
                return tool_error(DEFECT)

    def visitor(self, client: str | None, admission: Admission | None) -> Visitor:
        """Return who calls: a bot, known by the configured id or its client's name, with what is
        known of its request over HTTP; None for the process at the other end of the pipes."""
        session = self._session if admission is None else ""
        actor = bot(self._actor_id or client)
        return Visitor("mcp", actor, admission or Admission(), session=session)

    def without_tool(self, name: str) -> str:
        """Say that there is no such tool, and which there are."""
        known = [tool.name for tool in self.shown]
        near = nearest_tool(name, known)
        meant = f" (did you mean {near}?)" if near else ""
        return (
            f"There is no tool {shortened(visible(name), 60)!r}{meant};"
            f" there are {', '.join(known)}."
        )

    def _reading(self, tool: Tool[Any, Any, Any]) -> Reading:
        """Return how a tool's arguments are read, made at its first call: not every tool is."""
        if tool.name not in self._readings:
            self._readings[tool.name] = Reading.of(tool.request, hidden=tool.fixed)
        return self._readings[tool.name]

    def _reader(self, visitor: Visitor, sent: Arguments[Any]) -> Reader:
        named = sent.sent.get("project")
        return Reader(
            own_project=self.desk.own_project(visitor),
            named_project=named if isinstance(named, str) else None,
            named_build="build_id" in sent.sent,
            may_write=self.desk.may_write(visitor),
            builds_start=self.desk.builds_start,
            has_store=self.desk.has_store,
        )
