"""The description at /api/openapi.json, held against what a running server answers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.served import Served, make_token
from tests.rest.conftest import BODY

pytestmark = pytest.mark.proof

HERE = Path(__file__).parent
EXAMPLES = 50
"""Calls that schemathesis makes up for an operation, after it went through the edges of every
field: with the seed the same ones in every run, however long they take."""

SEED = 1
"""Another one looks elsewhere."""

SECONDS = 600
"""What it may take on a busy machine; on an idle one it is 25."""


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    """A server whose caller may call as often as it likes."""
    with Served(store, token=make_token(store, "ada", "user"), HANDOFF_RATE_LIMIT="0") as running:
        yield running


@pytest.mark.timeout(SECONDS + 60)
def test_the_api_answers_what_its_description_says(served: Served, tmp_path: Path) -> None:
    served.http.post("/api/projects", json={"name": "Shop"})
    served.http.post("/api/projects/shop/tickets", json=BODY)
    description = tmp_path / "openapi.json"
    description.write_bytes(served.http.get("/api/openapi.json").content)
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(HERE / "schemathesis.toml")),
            *("run", str(description), "--url", f"{served.url}/api", "--no-color"),
            *("--checks", "all", "--max-examples", f"{EXAMPLES}", "--seed", f"{SEED}"),
            *("--request-timeout", "60", "--suppress-health-check", "too_slow"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(HERE.parent.parent),
            "SCHEMATHESIS_HOOKS": "tests.rest.undescribed",
            "TOKEN": served.token,
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
