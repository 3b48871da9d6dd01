"""The page of the metrics, as a server gives them."""

from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from mcp_handoff.calls import OK, Call
from mcp_handoff.errors import RateLimited
from mcp_handoff.http.metrics import Metrics
from website.pages import put_together, table

_BEGIN = """\
# Metrics

`/metrics` of `mcp-handoff serve` has these, in the text format of Prometheus.
"""


def page() -> str:
    """Return the page."""
    metrics = Metrics()
    metrics.count(Call("rest", "create_ticket", "ci", OK))
    metrics.count_refusal(RateLimited("one, so that its labels are shown"))
    text = bytes(metrics.exposition(0).body).decode()
    head = ("metric", "type", "labels", "meaning")
    return put_together([_BEGIN, table(head, _rows(text_string_to_metric_families(text)))])


def _rows(families: Iterable[Metric]) -> Iterator[tuple[str, ...]]:
    for family in families:
        if family.name.endswith("_created"):
            continue  # when a counter began, which scrapers take for a metric of its own
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        shown = ", ".join(f"`{label}`" for label in labels)
        yield f"`{name}`", family.type, shown, family.documentation
