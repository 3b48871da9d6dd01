"""Spans (OpenTelemetry), once this process has somebody to tell of them: until then there are none,
and they cost nothing."""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_NAME = "mcp-handoff"


def span(name: str) -> AbstractContextManager[object]:
    """Open a span within the current one."""
    if not _is_anyone_told():
        return nullcontext()
    from opentelemetry.trace import get_tracer

    return get_tracer(_NAME).start_as_current_span(name)


def call_span(
    tool: str, request_id: int | str, revision: str, meta: Mapping[str, Any]
) -> AbstractContextManager["Span | None"]:
    """Open the span of a call of a tool within its caller's own, as the SDK does
    (https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/)."""
    if not _is_anyone_told():
        return nullcontext()
    attributes = {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": revision,
        "jsonrpc.request.id": str(request_id),
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool,
    }
    return _server_span(f"tools/call {tool}", meta, attributes)


def request_span(name: str, headers: Mapping[str, str]) -> AbstractContextManager["Span | None"]:
    """Open the span of a request over REST within its caller's own."""
    return _server_span(name, headers, {}) if _is_anyone_told() else nullcontext()


def _server_span(
    name: str, carrier: Mapping[str, Any], attributes: Mapping[str, str]
) -> AbstractContextManager["Span"]:
    """Open a span within the one that a carrier names (W3C Trace Context: `traceparent`)."""
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, get_tracer

    told = {name: value for name, value in carrier.items() if isinstance(value, str)}
    tracer = get_tracer(_NAME)
    return tracer.start_as_current_span(name, extract(told), SpanKind.SERVER, attributes)


def _is_anyone_told() -> bool:
    if "opentelemetry.trace" not in sys.modules:
        return False
    from opentelemetry.trace import ProxyTracerProvider, get_tracer_provider

    return not isinstance(get_tracer_provider(), ProxyTracerProvider)
