"""Crowds that come without a token, and clients that take their time: who has a token is served."""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mcp_handoff.http.deadlines import PIPELINED, UNREAD_SECONDS
from tests.http.served import Served, make_project, make_token
from tests.mcp.wire import TIMEOUT, environment
from tests.security.crowd import address_of, crowd, head, slowest

pytestmark = pytest.mark.proof

FILES = "512"
"""How many files the server may hold open; its caps follow from it."""

CROWD = 600

ORIGIN = "https://portal.example"

SECONDS, FACTOR = 1.0, 100
"""How long a call may take: a second, or where the machine is too busy for that, so many times what
the same call takes without the crowd."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("crowds") / "handoff.db"
    make_project(store, "shop")
    token = make_token(store, "ada", "user")
    with Served(store, "--allow-origin", ORIGIN, token=token, files=FILES) as running:
        yield running


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "GET / HTTP/1.1\r\nX-Half: ",
        head("GET", "/healthz"),
        head("POST", "/api/projects", "Authorization: Bearer mho_x", "Content-Length: 999"),
        head("POST", "/api/runs/x/report", "Content-Length: 999"),
    ],
    ids=["silent", "half a head", "idle", "wrong token", "half a report"],
)
def test_a_client_with_a_token_is_served_beside_more_connections_than_there_are_files(
    served: Served, sent: str
) -> None:
    bound = max(SECONDS, FACTOR * slowest(served))
    with crowd(served, CROWD, sent):
        assert slowest(served) < bound
        assert slowest(served, "/healthz") < bound


def test_a_client_that_does_not_read_its_answers_is_let_go(served: Served) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(address_of(served))
        asked = head("GET", "/api/openapi.json", f"Authorization: Bearer {served.token}")
        client.sendall(asked.encode() * PIPELINED)
        begun = time.monotonic()
        with suppress(ConnectionError):  # what is sent to a connection that was ended
            while time.monotonic() - begun < TIMEOUT:
                client.send(b"\r\n")  # nothing, between two requests
                select.select([], [], [client], 0.1)
    assert UNREAD_SECONDS / 2 < time.monotonic() - begun < TIMEOUT


def test_a_body_that_nobody_asked_for_ends_its_connection(served: Served) -> None:
    asked = ("Origin: " + ORIGIN, "Access-Control-Request-Method: POST", "Content-Length: 999")
    with socket.create_connection(address_of(served), timeout=TIMEOUT) as client:
        client.sendall(head("OPTIONS", "/api/projects", *asked).encode())
        answered = b"".join(iter(lambda: client.recv(10_000), b""))
    assert answered.startswith(b"HTTP/1.1 200 ")


def test_with_few_files_it_takes_fewer_connections_and_says_so(store: Path) -> None:
    with Served(store, files="1024") as few:
        few.http.get("/healthz")
        status, said = few.end()
    assert status == 0
    assert "832 connections are taken at once" in few.said + said.decode()


def test_with_too_few_files_it_does_not_start(store: Path) -> None:
    limited = ["sh", "-c", 'ulimit -n 256 && exec "$@"', "sh"]
    ended = subprocess.run(
        [*limited, sys.executable, "-m", "mcp_handoff", "serve", "--port", "0"],
        env=environment(store),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "ulimit -n" in ended.stderr
