"""The wire itself: both eras, unreadable lines, and every way to end."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from mcp_handoff.mcp.tools import TOOLS
from tests.mcp.wire import Wire, bounded, call, enveloped, environment, handshake, request
from tests.requests import TICKET

pytestmark = pytest.mark.proof

TOOL_COUNT = len(TOOLS)


@pytest.fixture
def settings(store: Path) -> dict[str, str]:
    return environment(store)


def cancelled(request_id: object) -> dict[str, Any]:
    params = {"requestId": request_id}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


def listen(number: int) -> dict[str, Any]:
    uris = {"resourceSubscriptions": ["handoff://tickets"]}
    return enveloped(number, "subscriptions/listen", notifications=uris)


def by_id(lines: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {line["id"]: line for line in lines}


def test_three_handshake_lines_are_answered_and_nothing_else_is_on_stdout(
    settings: dict[str, str],
) -> None:
    with Wire(settings) as wire:
        wire.send(*handshake(), request(1, "tools/list"))
        lines, errors, status = wire.finish()
    assert len(by_id(lines)[1]["result"]["tools"]) == TOOL_COUNT
    assert (len(lines), errors, status) == (2, "", 0)


def test_three_enveloped_lines_are_answered_and_nothing_else_is_on_stdout(
    settings: dict[str, str],
) -> None:
    with Wire(settings) as wire:
        wire.send(*(enveloped(n, m) for n, m in enumerate(("server/discover", "tools/list"))))
        wire.send(call(2, "create_ticket", **TICKET))
        lines, errors, status = wire.finish()
    assert len(by_id(lines)[1]["result"]["tools"]) == TOOL_COUNT
    assert by_id(lines)[2]["result"]["structuredContent"]["ticket"] == "HO-1-shop"
    assert (len(lines), errors, status) == (3, "", 0)


def test_a_client_that_probes_and_then_shakes_hands_is_served(settings: dict[str, str]) -> None:
    with Wire(settings) as wire:
        discovered = wire.ask(enveloped(7, "server/discover"))
        wire.send(*handshake())
        initialized = wire.receive()
        listed = wire.ask(request(8, "tools/list"))
        modern = wire.ask(call(9, "get_overview"))
    assert "2026-07-28" in discovered["result"]["supportedVersions"]
    assert initialized["result"]["protocolVersion"] == "2025-06-18"
    assert len(listed["result"]["tools"]) == TOOL_COUNT
    assert modern["result"]["structuredContent"]["own_project"] == "shop"


@pytest.mark.parametrize(
    ("line", "code", "answered_id"),
    [
        (b"what?", -32700, None),
        (b"[" * 100_000, -32700, None),
        (b'{"jsonrpc":"2.0","id":5}', -32600, 5),
        (b"[]", -32600, None),
        (b'{"x":"' + b"y" * 5_000_000 + b'"}', -32600, None),
    ],
    ids=["no JSON", "too deep", "no method", "a batch", "too long"],
)
def test_a_line_that_is_no_message_is_answered_and_the_next_one_too(
    settings: dict[str, str], line: bytes, code: int, answered_id: int | None
) -> None:
    with Wire(settings) as wire:
        wire.send(line)
        refused = wire.receive()
        listed = wire.ask(enveloped(1, "tools/list"))
    assert (refused["error"]["code"], refused.get("id")) == (code, answered_id)
    assert listed["id"] == 1


@pytest.mark.parametrize("request_id", ["null", "true", "1.5", "{}", "[1]", '"\\ud800"'])
def test_a_request_whose_id_is_none_is_an_invalid_request(
    settings: dict[str, str], request_id: str
) -> None:
    line = json.dumps(enveloped(1, "tools/list")).replace('"id": 1', f'"id": {request_id}')
    with Wire(settings) as wire:
        wire.send(line.encode())
        refused = wire.receive()
        listed = wire.ask(enveloped(1, "tools/list"))
    assert (refused["error"]["code"], refused["id"]) == (-32600, None)
    assert listed["id"] == 1


@pytest.mark.parametrize("request_id", [[1], {}, None, True, 1.5, "7"])
def test_cancelling_what_is_no_call_changes_nothing(
    settings: dict[str, str], request_id: object
) -> None:
    with Wire(settings) as wire:
        wire.ask(enveloped(1, "tools/list"))
        wire.send(cancelled(request_id))
        assert wire.ask(enveloped(2, "tools/list"))["id"] == 2


def test_arguments_that_are_json_text_are_read(settings: dict[str, str]) -> None:
    text = json.dumps(TICKET)
    with Wire(settings) as wire:
        wire.send(*handshake())
        wire.receive()
        legacy = wire.ask(request(2, "tools/call", name="create_ticket", arguments=text))
        modern = wire.ask(enveloped(3, "tools/call", name="create_ticket", arguments=text))
        deep = wire.ask(enveloped(4, "tools/call", name="create_ticket", arguments='{"a":' * 9_999))
    first, second = (answer["result"]["structuredContent"] for answer in (legacy, modern))
    assert (first["ticket"], second["ticket"]) == ("HO-1-shop", "HO-1-shop")
    assert second["message"].startswith("HO-1-shop says the same")
    assert deep["error"]["code"] == -32602


def test_a_lone_surrogate_is_refused_by_the_name_of_its_field(settings: dict[str, str]) -> None:
    line = json.dumps(call(1, "create_ticket", **TICKET)).replace("Checkout", "\\ud83d", 1)
    with Wire(settings) as wire:
        wire.send(line.encode())
        error = wire.receive()["result"]["structuredContent"]["error"]
    assert error["fields"] == {"title": "must be text without lone surrogates"}


def test_a_call_under_way_when_the_client_leaves_is_finished(
    settings: dict[str, str], store: Path
) -> None:
    calls = [call(n, "create_ticket", **{**TICKET, "title": f"Ticket {n}"}) for n in range(50)]
    with Wire(settings) as wire:
        wire.send(*calls)
        lines, errors, status = wire.finish()
    filed = {line["result"]["structuredContent"]["ticket"] for line in lines}
    assert (filed, errors, status) == ({f"HO-{n}-shop" for n in range(1, 51)}, "", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_server_whose_client_is_silent(
    settings: dict[str, str], number: signal.Signals
) -> None:
    with Wire(settings) as wire:
        wire.ask(call(1, "create_ticket", **TICKET))
        wire.ask(listen(2))
        wire.process.send_signal(number)
        assert wire.ended() == (b"", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, None])
def test_a_listen_stream_ends_with_its_result(
    settings: dict[str, str], number: signal.Signals | None
) -> None:
    with Wire(settings) as wire:
        wire.ask(listen(1))
        if number is not None:
            wire.process.send_signal(number)
            last = wire.receive()
        else:
            last = wire.finish()[0][-1]
    assert (last["id"], last["result"]["resultType"]) == (1, "complete")


def test_a_listen_that_comes_last_ends_with_its_result(settings: dict[str, str]) -> None:
    with Wire(settings) as wire:
        wire.send(listen(1), listen(2))
        lines, errors, status = wire.finish()
    assert {line["id"] for line in lines if "result" in line} == {1, 2}
    assert (len(lines), errors, status) == (4, "", 0)


@pytest.mark.parametrize("as_sent", [int, str])
def test_a_cancelled_listen_is_not_answered_when_the_client_leaves(
    settings: dict[str, str], as_sent: type[int] | type[str]
) -> None:
    with Wire(settings) as wire:
        for number in range(20):
            wire.ask(listen(number))
        wire.send(*(cancelled(as_sent(number)) for number in range(20)))
        lines, errors, status = wire.finish()
    assert (lines, errors, status) == ([], "", 0)


def test_ctrl_c_while_it_starts_leaves_no_traceback(settings: dict[str, str]) -> None:
    with Wire(settings, python=("-X", "importtime")) as wire:
        assert wire.process.stderr is not None
        with bounded(wire.process):
            for line in wire.process.stderr:
                if b"mcp_handoff.errors" in line:
                    break
        wire.process.send_signal(signal.SIGINT)
        errors, status = wire.ended()
    assert b"Traceback" not in errors
    assert status == 1


def test_a_client_that_goes_without_reading_its_answers_ends_the_server(
    settings: dict[str, str],
) -> None:
    with Wire(settings) as wire:
        wire.ask(enveloped(0, "server/discover"))
        assert wire.process.stdout is not None
        wire.process.stdout.close()
        wire.send(enveloped(1, "tools/list"))
        assert wire.ended() == (b"", 0)
