"""The receiver of docs/builds.md, as it stands there, against a real server."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated

from tests.dispatch.test_dispatch import SECRET
from tests.http.served import Served
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT, bounded

pytestmark = pytest.mark.proof

EXAMPLE = Path(__file__).parents[2] / "examples" / "receiver.py"


@contextmanager
def example(*command: str) -> Generator[str]:
    """Run the example with a command as its build; give its address."""
    with subprocess.Popen(
        [sys.executable, str(EXAMPLE), "0", *command],
        env={**os.environ, "BUILD_DISPATCH_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            with bounded(process):
                url = process.stdout.readline().strip()
            yield url
        finally:
            process.kill()


async def built(store: Path, url: str) -> dict[str, Any]:
    """Trigger a build and return it once it has ended."""
    settings = {"BUILD_DISPATCH_URL": url, "BUILD_DISPATCH_SECRET": SECRET}
    with Served(store, **settings) as served:
        async with Client(f"{served.url}/mcp", mode="2026-07-28") as client:
            desk = Agent(client)
            await desk.file_ticket()
            uri = f"handoff://builds/{await desk.trigger(1, repo='acme/shop')}"
            async with client.listen(resource_subscriptions=[uri]) as changes:
                with anyio.fail_after(TIMEOUT):
                    while (build := await newest_build(desk))["status"] not in ("ready", "failed"):
                        assert await anext(changes) == ResourceUpdated(uri=uri)
                    return build


async def newest_build(desk: Agent) -> dict[str, Any]:
    return (await desk.whole(1))["builds"][0]


async def test_a_command_that_works_takes_its_run_to_succeeded(store: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    tell = f"import os; open({str(told)!r}, 'w').write(os.environ['REPO'] + os.environ['RUN_ID'])"
    with example(sys.executable, "-c", tell) as url:
        build = await built(store, url)
    run = build["run"]
    assert (build["status"], run["status"], run["attempts"]) == ("ready", "succeeded", 1)
    assert build["build_ref"] == f"local/{run['id']}"
    assert told.read_text() == f"acme/shop{run['id']}"


async def test_a_command_that_fails_takes_its_run_to_failed(store: Path) -> None:
    with example(sys.executable, "-c", "raise SystemExit(3)") as url:
        build = await built(store, url)
    assert (build["status"], build["run"]["status"]) == ("failed", "failed")
    assert build["error_message"] == "The command ended with status 3."


@pytest.mark.parametrize("signed", [{}, {"webhook-signature": "v1,AAAA"}])
def test_a_message_that_is_not_signed_starts_nothing(signed: dict[str, str]) -> None:
    headers = {"webhook-id": "a", "webhook-timestamp": "1", **signed}
    with example(sys.executable, "-c", "") as url:
        assert httpx2.post(url, json={}, headers=headers).status_code == 401
