"""The description at /api/openapi.json, held against what a running server answers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.served import Served, make_token
from tests.rest.conftest import BODY

HERE = Path(__file__).parent
SECONDS = 25
"""How long schemathesis makes up calls, after it went through the edges of every field."""

SEED = "1"
"""Makes the same calls up in every run: another one looks elsewhere."""


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    """A server whose caller may call as often as it likes."""
    token = make_token(store, "ada", "--role", "user")
    with Served(store, token=token, HANDOFF_RATE_LIMIT="0") as running:
        yield running


def test_the_api_answers_what_its_description_says(served: Served, tmp_path: Path) -> None:
    served.http.post("/api/projects", json={"name": "Shop"})
    served.http.post("/api/projects/shop/tickets", json=BODY)
    token = served.http.headers["Authorization"].removeprefix("Bearer ")
    description = tmp_path / "openapi.json"
    description.write_bytes(served.http.get("/api/openapi.json").content)
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(HERE / "schemathesis.toml")),
            *("run", str(description), "--url", f"{served.url}/api"),
            *("--checks", "all", "--max-examples", "5", "--max-time", f"{SECONDS}", "--no-color"),
            *("--seed", SEED),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(HERE.parent.parent),
            "SCHEMATHESIS_HOOKS": "tests.rest.undescribed",
            "TOKEN": token,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
