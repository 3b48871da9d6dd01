"""Spans (OpenTelemetry): they cost next to nothing until the process has an exporter."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, get_tracer

_tracer = get_tracer("mcp-handoff")


def span(name: str) -> AbstractContextManager[Span]:
    """Open a span within the current one."""
    return _tracer.start_as_current_span(name)


def server_span(name: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
    """Open a request's span within the caller's own (W3C Trace Context: `traceparent`)."""
    return _tracer.start_as_current_span(name, extract(headers), SpanKind.SERVER)
