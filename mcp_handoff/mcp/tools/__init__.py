"""The tools, a noun a file: each with its request, what it does and the words of its answer."""

from typing import Any

from mcp_handoff.mcp.tools.builds import FIND_BUILDS, REPORT_BUILD, TRIGGER_BOT_BUILD, UPDATE_BUILD
from mcp_handoff.mcp.tools.messages import ADD_MESSAGE
from mcp_handoff.mcp.tools.overview import GET_OVERVIEW
from mcp_handoff.mcp.tools.suggestions import ACT_ON_SUGGESTION, LIST_SUGGESTIONS, SUGGEST_CLOSE
from mcp_handoff.mcp.tools.tickets import CREATE_TICKET, FIND_TICKETS, GET_TICKET
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.work import TAKE_TICKET, UPDATE_TICKET

TOOLS: tuple[Tool[Any, Any, Any], ...] = (
    CREATE_TICKET,
    FIND_TICKETS,
    GET_TICKET,
    TAKE_TICKET,
    UPDATE_TICKET,
    ADD_MESSAGE,
    GET_OVERVIEW,
    TRIGGER_BOT_BUILD,
    LIST_SUGGESTIONS,
    SUGGEST_CLOSE,
    ACT_ON_SUGGESTION,
    FIND_BUILDS,
    REPORT_BUILD,
    UPDATE_BUILD,
)
"""Every tool, in the order in which they are listed."""
