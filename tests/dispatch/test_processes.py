"""Real servers send the dispatches of one store: none twice, none left behind."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.runs import run_secret
from tests.dispatch.receiver import Answer, Receiver
from tests.dispatch.test_dispatch import SECRET
from tests.dispatch.test_kills import fill
from tests.http.served import Served, command
from tests.mcp.wire import TIMEOUT, Wire, environment

pytestmark = pytest.mark.proof


async def test_two_servers_share_what_is_due_and_send_no_run_twice(
    store: Path, caller: Caller
) -> None:
    triggered = await fill(store, caller)
    with Receiver() as receiver:
        url = {"BUILD_DISPATCH_URL": receiver.url}
        with Served(store, **url) as one, Served(store, **url) as two:
            triggered |= await fill(store, caller)
            receiver.wait_for(len(triggered))
            assert [server.end() for server in (one, two)] == [(0, b"")] * 2
    assert sorted(receiver.ids()) == sorted(triggered)


@pytest.mark.parametrize("kind", ["serve", "stdio"])
async def test_a_server_that_ends_while_a_receiver_hangs_leaves_the_run_to_the_next(
    store: Path, caller: Caller, kind: str
) -> None:
    triggered = await fill(store, caller)
    with Receiver(Answer(hangs=True)) as receiver:
        url = {"BUILD_DISPATCH_URL": receiver.url}
        server = Served(store, **url) if kind == "serve" else Wire(environment(store, **url))
        with server:
            receiver.first()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(TIMEOUT) == 0
    assert leases(store) == 0
    with Receiver() as receiver:
        assert command(store, "receiver", "set", BUILD_DISPATCH_URL=receiver.url).returncode == 0
        sent = command(store, "dispatch", BUILD_DISPATCH_URL=receiver.url)
        assert sent.stdout == f"{len(triggered)} dispatched, 0 failed\n"
    assert set(receiver.ids()) == triggered


async def test_no_log_tells_a_secret_of_dispatching(store: Path, caller: Caller) -> None:
    await fill(store, caller)
    with Receiver(Answer(500), Answer()) as receiver:
        settings = {
            "BUILD_DISPATCH_URL": f"{receiver.url}?key=hook-password",
            "BUILD_DISPATCH_SECRET": SECRET,
            "HANDOFF_LOG_LEVEL": "DEBUG",
        }
        with Served(store, **settings) as served:
            receiver.wait_for(2)
            status, errors = served.end()
    logged = errors.decode()
    assert status == 0
    assert "did not take it" in logged
    signatures = [message.headers["webhook-signature"] for message in receiver.messages]
    tokens = [run_secret(SECRET, run) for run in receiver.ids()]
    for secret in (SECRET, SECRET.removeprefix("whsec_"), "hook-password", *signatures, *tokens):
        assert secret not in logged


def test_dispatch_needs_somebody_to_tell(store: Path) -> None:
    refused = command(store, "dispatch")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "mcp-handoff: There is nobody to tell:"
        " set BUILD_DISPATCH_URL, or mcp-handoff webhook add.\n"
    )


def leases(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute("SELECT count(*) FROM outbox WHERE lease NOTNULL").fetchone()[0]
