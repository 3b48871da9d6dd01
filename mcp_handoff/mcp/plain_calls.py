"""A plain call of a tool, from its request to its response: the same over every transport."""

from mcp_handoff.desk import Visitor
from mcp_handoff.mcp.progress import Report
from mcp_handoff.mcp.requests import PlainRequest, ToolCall
from mcp_handoff.mcp.responses import response
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.tracing import call_span


async def respond(
    toolbox: Toolbox,
    request: PlainRequest,
    call: ToolCall,
    revision: str,
    visitor: Visitor,
    report: Report | None = None,
) -> bytes:
    """Perform the call that a request is, within a span of its own, and return its response
    as the revision has it."""
    with call_span(call.name, request.id, revision, request.meta) as span:
        result = await toolbox.call(call.name, call.arguments, visitor, report)
        if span is not None and result.is_error:
            span.set_attribute("error.type", "tool_error")
    return response(request.id, result.as_json(), stateless=request.stateless)
