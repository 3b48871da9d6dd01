"""wait_s over stdio: progress, cancellation, and the end of the server."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.mcp.agent import Agent
from tests.mcp.conftest import ERAS
from tests.mcp.wire import Wire, call, environment, handshake, request
from tests.requests import TICKET

pytestmark = pytest.mark.proof

LONG = 50
"""Seconds that no test waits: something comes before."""

STARTED = "waits for a change of HO-1-shop: "


async def test_a_wait_is_told_of_and_ends_with_the_change(desk: Agent) -> None:
    ticket = await desk.file_ticket()
    told: list[str] = []
    answered = anyio.Event()

    async def change(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")
        if len(told) == 1:
            await desk.call("add_message", ticket=ticket, body="Done, have a look.")
            answered.set()

    arguments = {"ticket": ticket, "wait_s": LONG}
    with anyio.fail_after(LONG):
        read = await desk.client.call_tool("get_ticket", arguments, progress_callback=change)
        await answered.wait()  # a client that leaves before fails over what comes then
    assert read.structured_content is not None
    assert "Done, have a look." in str(read.structured_content)
    assert told[0].startswith(STARTED)


def told_of(number: int, lifecycle: str) -> dict[str, Any]:
    """Return a call that waits for ticket 1 and hears of progress."""
    asked = call(number, "get_ticket", ticket="HO-1-shop", wait_s=LONG)
    if lifecycle == ERAS[1]:
        asked = request(number, "tools/call", **{**asked["params"], "_meta": {}})
    asked["params"]["_meta"] = {**asked["params"]["_meta"], "progressToken": f"of {number}"}
    return asked


@pytest.fixture(params=ERAS)
def wire(store: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Wire, str]]:
    """A server on which a call with id 7 waits for ticket 1, and its era."""
    with Wire(environment(store)) as wire:
        if request.param == ERAS[1]:
            opening = handshake()
            wire.ask(opening[0])
            wire.send(*opening[1:])
        filed = call(1, "create_ticket", **TICKET)
        if request.param == ERAS[1]:
            filed["params"] = {**filed["params"], "_meta": {}}
        assert not wire.ask(filed)["result"]["isError"]
        wire.send(told_of(7, request.param))
        progress = wire.receive()
        assert progress["params"]["message"].startswith(STARTED)
        yield wire, request.param


def test_a_wait_that_is_cancelled_is_over(wire: tuple[Wire, str]) -> None:
    server, _ = wire
    cancelled = {"requestId": 7}
    server.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})
    rest, errors, status = server.finish()
    assert [message for message in rest if message.get("id") == 7] == []
    assert (errors, status) == ("", 0)


@pytest.mark.parametrize("way", ["EOF", "SIGTERM"])
def test_the_end_of_the_server_answers_a_wait_with_what_is_there(
    wire: tuple[Wire, str], way: str
) -> None:
    server, _ = wire
    if way == "EOF":
        rest, errors, status = server.finish()
    else:
        server.process.send_signal(signal.SIGTERM)
        answer = server.receive()
        while "id" not in answer:
            answer = server.receive()
        rest, (said, status) = [answer], server.ended()
        errors = said.decode()
    [answer] = [message for message in rest if message.get("id") == 7]
    assert answer["result"]["structuredContent"]["ticket"] == "HO-1-shop"
    assert (errors, status) == ("", 0)


def test_a_wait_ends_with_what_another_server_on_the_same_file_writes(
    wire: tuple[Wire, str], store: Path
) -> None:
    server, _ = wire
    with Wire(environment(store)) as other:
        said = other.ask(call(1, "add_message", ticket="HO-1-shop", body="From next door."))
        assert not said["result"]["isError"]
        answer = server.receive()
        while "id" not in answer:
            answer = server.receive()
        assert "From next door." in str(answer["result"])
        assert server.finish()[1:] == ("", 0)
        assert other.finish()[1:] == ("", 0)
