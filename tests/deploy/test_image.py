"""The image, built and run as its Dockerfile says, in folders where there need be no Docker."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx2
import pytest
import yaml
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.subscriptions import ResourceUpdated

from tests.clusters import free_port
from tests.deploy.images import BUILD_SECONDS, Image, process_in
from tests.deploy.programs import ROOT, installed, replaced
from tests.deploy.proxies import HOST
from tests.http.served import bearer
from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT, bounded

pytestmark = [pytest.mark.proof, pytest.mark.timeout(BUILD_SECONDS)]

MEGABYTES = 150
"""What the image may add to its base."""

NAMED = {"${DESK_HOST}": HOST}

PUBLIC = "HANDOFF_PUBLIC_URL"
"""Without it a server that listens on all addresses says first that it knows none of its own."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image that a module's tests share."""
    return Image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def data(image: Image, tmp_path: Path) -> Path:
    """A new volume, as Docker makes one: of the owner and the mode of its place in the image."""
    place, volume = (image.root / "data").stat(), tmp_path / "data"
    volume.mkdir()
    volume.chmod(place.st_mode)
    os.chown(volume, place.st_uid, place.st_gid)
    return volume


def run(
    image: Image, data: Path, *arguments: str, **environment: str
) -> tuple[int | None, str, str]:
    """Return the status and the output of `docker run mcp-handoff` with these arguments."""
    with image.started(image.command(arguments), data, environment) as process:
        out, errors = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, errors


@contextmanager
def serving(
    image: Image, data: Path, port: int, *arguments: str, **environment: str
) -> Generator[subprocess.Popen[str]]:
    """Start `docker run mcp-handoff` with these arguments, on another port, for others may have
    that one here; wait until it serves."""
    command = [*image.command(arguments), "--port", str(port)]
    with image.started(command, data, environment) as process:
        assert process.stderr is not None
        try:
            with bounded(process):
                said = [process.stderr.readline() for _ in range(1 if PUBLIC in environment else 2)]
            assert f"http://0.0.0.0:{port} for people" in said[-1]
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[str]) -> tuple[int | None, str]:
    """Stop a container as Docker does; return its status and what else it said."""
    process_in(process).send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=TIMEOUT)
    return process.returncode, errors


def test_a_newcomer_is_told_to_make_a_token_and_then_served(
    image: Image, data: Path, port: int
) -> None:
    status, _, errors = run(image, data)
    assert (status, errors.count("\n")) == (2, 1)
    assert "First make a token: mcp-handoff token create NAME --role bot" in errors
    status, token, _ = run(image, data, "token", "create", "mia", "--role", "user")
    assert status == 0
    with (
        serving(image, data, port) as process,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers=bearer(token.strip()), timeout=TIMEOUT
        ) as http,
    ):
        assert http.post("/api/projects", json={"name": "Shop"}).status_code == 201
        assert http.get("/readyz").status_code == 200
        of_it = process_in(process)
        assert (set(of_it.uids()), set(of_it.gids())) == ({10001}, {10001})
        assert end(process) == (0, "")
    assert [path.name for path in data.iterdir()] == ["handoff.db"]


async def test_process_1_ends_an_open_stream_in_good_order(
    image: Image, data: Path, port: int
) -> None:
    _, token, _ = run(image, data, "token", "create", "ci", "--role", "bot")
    with serving(image, data, port, HANDOFF_PROJECT="shop") as process:
        async with (
            httpx2.AsyncClient(headers=bearer(token.strip()), timeout=TIMEOUT) as http,
            Client(
                streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http),
                mode="2026-07-28",
            ) as client,
            client.listen(resource_subscriptions=["handoff://tickets"]) as subscription,
        ):
            await Agent(client).file_ticket()
            with anyio.fail_after(TIMEOUT):
                assert await anext(subscription) == ResourceUpdated(uri="handoff://tickets")
            ended = await anyio.to_thread.run_sync(end, process)
            assert [event async for event in subscription] == []
    assert ended == (0, "")


def test_process_1_ends_while_it_still_waits_for_its_database(image: Image, data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(TIMEOUT)
        backend = f"postgresql://handoff@127.0.0.1:{silent.getsockname()[1]}/handoff"
        with image.started(image.command(), data, {"HANDOFF_BACKEND": backend}) as process:
            connection, _ = silent.accept()
            with connection:
                assert end(process) == (1, "")


def test_the_health_check_tells_whether_it_lives(image: Image, data: Path, port: int) -> None:
    asked = [word.replace("8484", str(port)) for word in image.health_check()]

    def check() -> int:
        with image.started(asked, data, {}) as process:
            process.communicate(timeout=TIMEOUT)
        return process.returncode

    run(image, data, "token", "create", "mia", "--role", "user")
    with serving(image, data, port) as process:
        assert check() == 0
        end(process)
    assert check() == 1


def test_compose_starts_it_on_postgresql_without_a_password_in_its_address(
    image: Image, data: Path, port: int, postgres: str
) -> None:
    desk = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["desk"]
    environment: dict[str, str] = desk["environment"]
    place = urlsplit(postgres)
    address = f"{place.username}@127.0.0.1:{place.port}{place.path}?{place.query}"
    backend = replaced(environment["HANDOFF_BACKEND"], {"handoff@postgres/handoff": address})
    assert environment["PGPASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    environment |= {
        "HANDOFF_BACKEND": backend,
        PUBLIC: replaced(environment[PUBLIC], NAMED),
        "PGPASSWORD": place.password or "",
    }
    command = [word if word not in NAMED else HOST for word in desk["command"]]
    _, token, _ = run(image, data, "token", "create", "mia", "--role", "user", **environment)
    with (
        serving(image, data, port, *command, **environment) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer(token.strip())) as http,
    ):
        for host, status in ((HOST, 200), ("desk:8484", 200), ("evil.example", 403)):
            assert http.get("/api/projects", headers={"Host": host}).status_code == status
        assert end(process) == (0, "")
    assert (desk["read_only"], desk["cap_drop"], desk["tmpfs"]) == (True, ["ALL"], ["/tmp"])


def test_nothing_is_in_it_but_what_is_locked(image: Image) -> None:
    [packages] = (image.root / "opt/mcp-handoff/lib").glob("python*/site-packages")
    locked = (ROOT / "requirements/container.txt").read_text()
    names = re.findall(r"^[\w.-]+", locked, re.MULTILINE)
    found = {path.name.partition("-")[0].lower() for path in packages.glob("*.dist-info")}
    assert found - {"mcp_handoff"} <= {re.sub(r"[-.]", "_", name.lower()) for name in names}
    sizes = (path.lstat().st_size for path in (image.root / "opt").rglob("*"))
    assert sum(sizes) < MEGABYTES * 2**20


def test_hadolint_finds_nothing_to_say() -> None:
    said = subprocess.run(
        [installed("hadolint"), ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (said.stdout, said.stderr, said.returncode) == ("", "", 0)
