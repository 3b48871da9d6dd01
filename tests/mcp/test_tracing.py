"""Spans, from the call down to the store."""

import json
import subprocess
import sys
from pathlib import Path

from tests.mcp.wire import TIMEOUT, environment

PROGRAM = """
import json
import anyio
from mcp import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.server import HandoffServer
from mcp_handoff.mcp.toolbox import Toolbox
from mcp_handoff.wiring import open_backend

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

async def main():
    settings = read_settings()
    backend = open_backend(settings)
    server = HandoffServer(Toolbox(Desk(backend, settings), settings))
    async with Client(server) as client:
        await client.call_tool("find_tickets", {})
    await backend.close()

anyio.run(main)
spans = exporter.get_finished_spans()
names = {span.context.span_id: span.name for span in spans}
print(json.dumps([[span.name, span.parent and names.get(span.parent.span_id)] for span in spans]))
"""


def test_what_the_store_does_is_within_the_span_of_the_call(store: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment(store),
        capture_output=True,
        timeout=TIMEOUT,
        check=True,
    )
    spans = json.loads(ran.stdout)
    assert ["store find_tickets", "tools/call find_tickets"] in spans
