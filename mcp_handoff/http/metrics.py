"""Metrics in the text format of Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response

from mcp_handoff.calls import Call
from mcp_handoff.errors import HandoffError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts the calls of one server, and the requests that it refused."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._calls = Counter(
            "handoff_calls",
            "Calls that ended, by door, operation and outcome (OK or an error's code).",
            ["door", "operation", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "handoff_call_seconds",
            "What calls took.",
            ["door", "operation"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refusals = Counter(
            "handoff_refusals",
            "Requests that were refused before their body was read, by the error's code.",
            ["code"],
            registry=self._registry,
        )
        self._children = dict[tuple[str, str, str], tuple[Counter, Histogram]]()
        self._waiting = Gauge(
            "handoff_outbox_depth",
            "Dispatches of builds and messages to webhooks that wait to be sent.",
            registry=self._registry,
        )

    def count(self, call: Call) -> None:
        """Take note of a call that ended."""
        labels = call.door, call.operation, call.outcome
        # To look them up by their labels takes as long as to count.
        if labels not in self._children:
            self._children[labels] = self._calls.labels(*labels), self._seconds.labels(*labels[:2])
        calls, seconds = self._children[labels]
        calls.inc()
        seconds.observe(call.seconds)

    def count_refusal(self, error: HandoffError) -> None:
        """Take note of a request that did not get as far as a call."""
        self._refusals.labels(error.code).inc()

    def exposition(self, outbox_depth: int) -> Response:
        """Return all figures as they are scraped."""
        self._waiting.set(outbox_depth)
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE)
