"""The conformance suite of the protocol, against the server that `mcp-handoff serve` starts, with
the suite's fixtures beside the desk's tools."""

import re
from pathlib import Path

import pytest
import yaml

from tests.http.served import Served
from tests.npm import installed, run_node

pytestmark = pytest.mark.proof

PACKAGE = "node_modules/@modelcontextprotocol/conformance"

NOT_OFFERED = {
    "2025-11-25": {"json-schema-2020-12"},
    "2026-07-28": {
        # Both ask for a tool with a schema of theirs, and are not required: the suite's own server
        # does not pass them yet.
        "json-schema-2020-12",
        "http-custom-header-server-validation",
        # The extension io.modelcontextprotocol/tasks, which no client has.
        "tasks-lifecycle",
        "tasks-capability-negotiation",
        "tasks-wire-fields",
        "tasks-request-state-removal",
        "tasks-mrtr-input",
        "tasks-request-headers",
        "tasks-dispatch-and-envelope",
        "tasks-required-task-error",
        "tasks-mrtr-composition",
    },
}
"""What a revision does not require and we do not have; all else passes."""


@pytest.fixture(scope="module")
def suite(kept_packages: Path) -> Path:
    return installed(Path(__file__).parent / "npm", kept_packages) / PACKAGE


@pytest.mark.parametrize("revision", NOT_OFFERED)
def test_all_that_a_revision_requires_passes(suite: Path, store: Path, revision: str) -> None:
    module = "tests.foreign.conformance_process"
    with Served(store, module=module, HANDOFF_RATE_LIMIT="0") as served:
        address = f"{served.url}/mcp"
        told = run_node(
            suite / "dist/index.js", "server", "--url", address, "--requirements", revision
        )
    required = yaml.safe_load((suite / f"requirements/{revision}.yaml").read_text())["server"]
    passed = set(re.findall(r"^✓ ([\w-]+): [1-9]", told.stdout, re.MULTILINE))
    failed = set(re.findall(r"^✗ ([\w-]+):", told.stdout, re.MULTILINE))
    assert failed == NOT_OFFERED[revision], told.stdout
    assert set(required) <= passed
    assert told.returncode == 0
