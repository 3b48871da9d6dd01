"""What a body may cost before anyone knows whose it is."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_handoff.runs import run_secret
from tests.http.served import Served, bearer, make_project, make_token
from tests.mcp.wire import TIMEOUT
from tests.requests import TICKET

pytestmark = pytest.mark.proof

SECRET = "whsec_" + "c2VjcmV0" * 4
RUN = "01a20042-1adb-7468-a632-720bcea826fc"
REPORT = f"/api/runs/{RUN}/report"
MANY = {f"field{number}": number for number in range(100_000)}
SMALL = 10_000
"""Bytes that an error takes at most, whatever it is about."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store = tmp_path_factory.mktemp("bodies") / "handoff.db"
    make_project(store, "shop")
    token = make_token(store, "ada", "user")
    with Served(store, token=token, BUILD_DISPATCH_SECRET=SECRET) as running:
        yield running


def dripping(served: Served, method: str, path: str, *headers: str) -> socket.socket:
    """Open a request whose body is announced and does not come."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=TIMEOUT)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Content-Length: 1000", *headers]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    parts = list[bytes]()
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "headers",
    [
        ("Authorization: Bearer mho_wrong",),
        ("Origin: https://evil.example",),
        (),
    ],
    ids=["wrong token", "foreign origin", "no token"],
)
def test_an_early_refusal_ends_the_connection_without_waiting_for_the_body(
    served: Served, headers: tuple[str, ...]
) -> None:
    waiting = [dripping(served, "POST", "/api/projects", *headers) for _ in range(50)]
    for connection in waiting:
        status = received(connection).split(b" ", 2)[1]
        assert status in (b"401", b"403", b"429")  # so many wrong tokens are slowed
        connection.close()
    assert served.http.get("/api/projects").status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_operators_read_takes_no_body(served: Served, path: str) -> None:
    connection = dripping(served, "POST", path, f"Authorization: Bearer {served.token}")
    assert b"413" in received(connection)[:20]
    connection.close()
    assert served.http.post(path, content=b"x").status_code == 413


def test_a_report_without_its_runs_secret_is_refused_whatever_it_holds(served: Served) -> None:
    body = json.dumps(MANY)[:16_000]
    refused = served.http.post(REPORT, content=body, headers=bearer("mhr_wrong"))
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")


def test_a_report_takes_sixteen_kilobytes(served: Served) -> None:
    headers = bearer(run_secret(SECRET, RUN)) | {"Content-Type": "application/json"}
    long = json.dumps({"status": "running", "error_message": "x" * 20_000})
    assert served.http.post(REPORT, content=long, headers=headers).status_code == 413
    short = served.http.post(REPORT, json={"status": "running"}, headers=headers)
    assert short.status_code == 404


def test_over_rest_twenty_wrong_fields_are_named_and_the_rest_is_counted(served: Served) -> None:
    refused = served.http.post("/api/projects/shop/tickets", json=MANY)
    assert refused.status_code == 400
    assert len(refused.json()["fieldErrors"]) == 20
    assert "and 99,980 more" in refused.json()["error"]
    assert len(refused.content) < SMALL


@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
@pytest.mark.parametrize(
    "wrong",
    [
        MANY,
        {**TICKET, "roles": ["boss"] * 100_000},
        {**TICKET, "x" * 1_000_000: 1},
        {**TICKET, "evidence": {"log": ["x" * 10] * 50_000}},
    ],
    ids=["fields", "items", "a long name", "evidence"],
)
async def test_over_mcp_no_error_is_a_multiple_of_its_call(
    store: Path, mode: str, wrong: dict[str, Any]
) -> None:
    with Served(store) as open_here:
        async with Client(f"{open_here.url}/mcp", mode=mode) as client:
            result = await client.call_tool("create_ticket", wrong)
    assert result.is_error
    assert len(result.model_dump_json()) < SMALL
