"""Spans (OpenTelemetry): they cost next to nothing until the process has an exporter.

The library is loaded where requests come over HTTP, or by whoever sets an exporter up.
"""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_NAME = "mcp-handoff"


def span(name: str) -> AbstractContextManager[object]:
    """Open a span within the current one."""
    if "opentelemetry.trace" not in sys.modules:
        return nullcontext()
    from opentelemetry.trace import get_tracer

    return get_tracer(_NAME).start_as_current_span(name)


def server_span(name: str, headers: Mapping[str, str]) -> AbstractContextManager["Span"]:
    """Open a request's span within the caller's own (W3C Trace Context: `traceparent`)."""
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind, get_tracer

    return get_tracer(_NAME).start_as_current_span(name, extract(headers), SpanKind.SERVER)
