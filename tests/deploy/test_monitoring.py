"""What Prometheus reads of a desk, and what it makes of that by the rules in `deploy/`."""

import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import yaml

from tests.clusters import free_port
from tests.deploy.programs import DEPLOY, installed, replaced
from tests.http.served import Served, bearer, make_token, soon
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

pytestmark = pytest.mark.proof


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [installed("promtool"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return group["rules"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where an operator has put our files for Prometheus."""
    for name in ("prometheus.yml", "alerts.yml", "alerts_test.yml"):
        shutil.copy(DEPLOY / name, tmp_path)
    return tmp_path


def test_each_rule_fires_where_it_should_and_nowhere_else(folder: Path) -> None:
    told = promtool(folder, "test", "rules", "alerts_test.yml")
    assert told.returncode == 0, told.stdout + told.stderr
    named = {rule["alert"] for rule in rules()}
    for tested in yaml.safe_load((folder / "alerts_test.yml").read_text())["tests"]:
        assert set(re.findall(r"\bDesk\w+", str(tested))) == named


def test_every_figure_that_a_rule_reads_is_one_that_a_desk_tells(store: Path) -> None:
    token = make_token(store, "mia", "user")
    with Served(store, token=token) as served:
        served.http.post("/api/projects", json={"name": "shop"})
        served.http.post("/api/projects/shop/tickets", json=TICKET)
        served.http.get("/api/projects", headers=bearer(f"{token}x"))
        told = set(re.findall(r"^(\w+)", served.http.get("/metrics").text, re.MULTILINE))
    expressions = " ".join(rule["expr"] for rule in rules())
    assert set(re.findall(r"\b(?:handoff|process)_\w+", expressions)) <= told


def test_prometheus_reads_a_desk_with_the_token_of_a_reader(store: Path, folder: Path) -> None:
    (folder / "mcp-handoff.token").write_text(make_token(store, "prometheus", "reader"))
    with Served(store) as served:
        changes = {
            "127.0.0.1:8484": urlsplit(served.url).netloc,
            "scrape_interval: 15s": "scrape_interval: 1s",
        }
        settings = folder / "prometheus.yml"
        settings.write_text(replaced(settings.read_text(), changes))
        with prometheus(folder) as http:

            def reads() -> bool:
                asked = http.get("/api/v1/query", params={"query": 'up{job="mcp-handoff"}'})
                return [row["value"][1] for row in asked.json()["data"]["result"]] == ["1"]

            assert soon(reads, TIMEOUT)
            [group] = http.get("/api/v1/rules").json()["data"]["groups"]
    assert {rule["health"] for rule in group["rules"]} <= {"ok", "unknown"}


@contextmanager
def prometheus(folder: Path) -> Generator[httpx2.Client]:
    """Start Prometheus with the settings in a folder; yield a client of it."""
    address = f"127.0.0.1:{free_port()}"
    with (
        subprocess.Popen(
            [
                installed("prometheus"),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/figures",
                f"--web.listen-address={address}",
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        httpx2.Client(base_url=f"http://{address}", timeout=TIMEOUT) as http,
    ):

        def is_ready() -> bool:
            if process.poll() is not None:
                pytest.fail(process.communicate()[1])
            try:
                return http.get("/-/ready").status_code == 200
            except httpx2.TransportError:
                return False

        try:
            assert soon(is_ready, TIMEOUT)
            yield http
        finally:
            process.kill()
            process.communicate()
