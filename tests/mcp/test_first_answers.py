"""What is answered from the file while the server still loads: what the whole server says."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mcp_handoff.mcp.first_answers import ANSWERED, FILE
from mcp_handoff.mcp.requests import HANDSHAKES, STATELESS
from tests.mcp.test_golden import WRITES, WRITING
from tests.mcp.wire import (
    ENVELOPE,
    INITIALIZE,
    TIMEOUT,
    Wire,
    call,
    enveloped,
    environment,
    handshake,
    request,
)
from tests.requests import TICKET

pytestmark = pytest.mark.proof

KINDS = {"whole": "0", "read_only": "1"}
"""Servers by the names that the file has for them, and their HANDOFF_READ_ONLY."""

WITHOUT_FILE = (
    "import sys; sys.argv = ['mcp-handoff'];"
    " from mcp_handoff.mcp import first_answers; first_answers.FILE += '.none';"
    " from mcp_handoff.__main__ import main; sys.exit(main())"
)


def test_what_lies_ready_is_what_the_server_says_byte_for_byte(store: Path) -> None:
    with Wire(environment(store)) as made:  # for one that only reads makes none
        made.finish()
    asked = [(kind, revision) for kind in KINDS for revision in (*HANDSHAKES, STATELESS)]
    with ThreadPoolExecutor(4) as pool:
        told = dict(zip(asked, pool.map(partial(_told, store), asked), strict=True))
    rendered = _rendered(told)
    if WRITING:
        Path(FILE).write_text(rendered, encoding="utf-8")
    assert Path(FILE).read_text(encoding="utf-8") == rendered, f"run it with {WRITES}=1"


def test_the_file_answers_everything_that_never_changes() -> None:
    places = json.loads(Path(FILE).read_text(encoding="utf-8"))["places"]
    lists = {method for method in ANSWERED if method.endswith("/list")}
    for revisions in places.values():
        assert revisions[STATELESS].keys() == {"server/discover", *lists}
        for revision in HANDSHAKES:
            assert revisions[revision].keys() == {"initialize", "ping", *lists}


def test_a_client_is_answered_before_the_sdk_could_be_loaded(store: Path) -> None:
    loading = min(_seconds("import mcp.server.mcpserver") for _ in range(3))
    waited = list[float]()
    for _ in range(3):
        begun = time.perf_counter()
        with Wire(environment(store)) as wire:
            wire.ask(enveloped(1, "server/discover"))
            waited.append(time.perf_counter() - begun)
    assert min(waited) < loading / 3


def test_calls_of_tools_load_no_sdk(store: Path) -> None:
    told = "import atexit, sys; atexit.register(lambda: print([m for m in sys.modules"
    told += " if m.partition('.')[0] in ('mcp', 'mcp_types')], file=sys.stderr));"
    asked = [*handshake(), request(1, "tools/list"), call(2, "create_ticket", **TICKET)]
    asked += [request(3, "tools/call", name="find_tickets", arguments={}), request(4, "ping")]
    logged = {**ENVELOPE["_meta"], "io.modelcontextprotocol/logLevel": "debug"}  # the Inspector's
    asked.append(request(5, "tools/list", _meta=logged))
    lines, errors = _run(told + _as_it_is(), store, asked)
    assert len(lines) == 6
    assert errors.splitlines()[-1] == "[]"


def test_a_session_that_shook_hands_with_the_file_goes_on_with_the_sdk(store: Path) -> None:
    with Wire(environment(store)) as wire:
        wire.send(*handshake())
        assert wire.receive()["result"]["protocolVersion"] == "2025-06-18"
        filed = wire.ask(request(1, "tools/call", name="create_ticket", arguments=TICKET))
        uri = "handoff://tickets/HO-1-shop"
        read = wire.ask(request(2, "resources/read", uri=uri))
        assert wire.ask(request(3, "resources/subscribe", uri=uri))["result"] == {}
        changed = {"ticket": "1", "body": "Done?"}
        wire.send(request(4, "tools/call", name="add_message", arguments=changed))
        heard = [wire.receive(), wire.receive()]
    assert filed["result"]["structuredContent"]["ticket"] == "HO-1-shop"
    assert json.loads(read["result"]["contents"][0]["text"])["ticket"]["actor_id"] == "wire"
    assert {one.get("method") for one in heard} == {None, "notifications/resources/updated"}


def test_a_second_handshake_is_the_sdks_to_answer(store: Path) -> None:
    with Wire(environment(store)) as wire:
        wire.send(*handshake())
        first = wire.receive()
        second = wire.ask(request(5, "initialize", **INITIALIZE))
    assert (first["id"], second["id"]) == (0, 5)


@pytest.mark.parametrize("method", ["tools/list", "tools/call"])
def test_nothing_is_answered_before_the_handshake(store: Path, method: str) -> None:
    asked = request(1, method, **({"name": "find_tickets"} if method == "tools/call" else {}))
    with Wire(environment(store)) as wire:
        assert wire.ask(asked)["error"]["code"] == -32602


def test_without_the_file_the_sdk_answers(store: Path) -> None:
    asked = [*handshake(), request(1, "tools/list"), call(2, "create_ticket", **TICKET)]
    lines, errors = _run(WITHOUT_FILE, store, asked)
    assert ({line["id"] for line in lines}, errors) == ({0, 1, 2}, "")


def test_a_store_that_cannot_be_opened_is_told_by_the_first_call_and_on_stderr(
    tmp_path: Path,
) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(b"no database" * 100)
    with Wire(environment(other)) as wire:
        listed = wire.ask(enveloped(1, "tools/list"))
        called = wire.ask(call(2, "create_ticket", **TICKET))
        read = wire.ask(enveloped(3, "resources/read", uri="handoff://tickets"))
        _, errors, status = wire.finish()
    assert listed["result"]["tools"]
    assert called["result"]["structuredContent"]["error"]["code"] == "CONFIGURATION"
    assert str(other) in called["result"]["content"][0]["text"]
    assert read["error"]["message"] in called["result"]["content"][0]["text"]
    assert (errors.count(str(other)), status) == (1, 2)


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_end_of_the_wire_is_told_in_one_line(store: Path, closed: str) -> None:
    ran = subprocess.run(
        ["sh", "-c", f'exec "$0" -m mcp_handoff {closed}', sys.executable],
        env=environment(store),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (ran.returncode, ran.stderr.count("\n"), "closed" in ran.stderr) == (2, 1, True)


def _told(store: Path, asked: tuple[str, str]) -> dict[str, str]:
    """Return what the SDK answers in a revision, method by method, as it stands on the wire."""
    kind, revision = asked
    settings = environment(store, HANDOFF_READ_ONLY=KINDS[kind])
    methods = [method for method in ANSWERED if method != "initialize"]
    if revision == STATELESS:
        lines = [enveloped(n, method) for n, method in enumerate(methods)]
    else:
        lines = [request(n, method) for n, method in enumerate(methods)]
        first = request(len(methods), "initialize", **{**INITIALIZE, "protocolVersion": revision})
        lines = [first, {"jsonrpc": "2.0", "method": "notifications/initialized"}, *lines]
    methods.append("initialize")
    results = dict[str, str]()
    for line in _talk(WITHOUT_FILE, settings, lines).stdout.splitlines():
        number = json.loads(line)["id"]
        before = f'{{"jsonrpc":"2.0","id":{number},"result":'
        if line.startswith(before):
            results[methods[number]] = line.removeprefix(before).removesuffix("}")
    return {method: results[method] for method in ANSWERED if method in results}


def _rendered(told: Mapping[tuple[str, str], Mapping[str, str]]) -> str:
    """Return the file that says this: each text once, and which of them is whose."""
    texts = list(dict.fromkeys(text for methods in told.values() for text in methods.values()))
    places = dict[str, dict[str, dict[str, int]]]()
    for (kind, revision), methods in told.items():
        of_revision = {method: texts.index(text) for method, text in methods.items()}
        places.setdefault(kind, {})[revision] = of_revision
    return json.dumps({"places": places, "results": texts}, ensure_ascii=False, indent=1) + "\n"


def _run(
    program: str, store: Path, asked: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], str]:
    ran = _talk(program, environment(store), asked)
    return [json.loads(line) for line in ran.stdout.splitlines()], ran.stderr


def _talk(
    program: str, settings: Mapping[str, str], asked: Sequence[Mapping[str, Any]]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        input="".join(f"{json.dumps(line)}\n" for line in asked),
        env=dict(settings),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )


def _as_it_is() -> str:
    return WITHOUT_FILE.replace("first_answers.FILE += '.none';", "")


def _seconds(program: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - begun
