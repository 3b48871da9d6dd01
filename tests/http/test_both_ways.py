"""Plain calls, which the SDK does not see, are answered as the SDK answers: two servers are sent
the same requests, and one of them with a header too many, which is plain no longer."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.http.served import Served
from tests.mcp.wire import ENVELOPE, INITIALIZE
from tests.requests import TICKET

pytestmark = pytest.mark.proof

META = ENVELOPE["_meta"]
_RESERVED = "io.modelcontextprotocol/"

NOT_PLAIN = [("x-not-plain", "1"), ("x-not-plain", "2")]

Headers = dict[str, str]
Case = tuple[Headers, bytes]
"""The headers that differ from those of a plain call, and a body."""

LATELY = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<![0-9a-f])[0-9a-f]{8}(?![0-9a-f])"
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z|\d+\.\d s|next_cursor\W+[\w-]+"
)
"""What differs from run to run: ids, marks, instants, times, cursors."""

CALLS: list[tuple[Any, Any]] = [
    ("create_ticket", TICKET),
    ("create_ticket", TICKET),
    ("create_ticket", {**TICKET, "title": "Another one\u202e", "idempotency_key": "k"}),
    ("create_ticket", {**TICKET, "title": "Another one\u202e", "idempotency_key": "k"}),
    ("create_ticket", {**TICKET, "title": "Different", "idempotency_key": "k"}),
    ("create_ticket", {**TICKET, "title": "x" * 141, "roles": [], "wrong": 1}),
    ("create_ticket", {**TICKET, "title": "\ud83d alone"}),
    ("create_ticket", {**TICKET, "title": "🙂 ümläut\n", "description": "ghp_" + "a" * 36}),
    ("create_ticket", {**TICKET, "actor_role": "user"}),
    ("create_ticket", {"arguments": TICKET}),
    ("create_ticket", {}),
    ("create_ticket", None),
    ("create_ticket", json.dumps(TICKET)),
    ("create_ticket", [TICKET]),
    ("find_tickets", {}),
    ("find_tickets", {"query": "checkout", "limit": 1}),
    ("find_tickets", {"limit": 10**400}),
    ("find_tickets", {"stage": "nowhere", "status": "perhaps"}),
    ("find_tickets", {"cursor": "none of ours"}),
    ("find_tickets", {"project": "nowhere"}),
    ("get_ticket", {"ticket": 1}),
    ("get_ticket", {"ticket": "HO-1-shop"}),
    ("get_ticket", {"ticket": "99"}),
    ("get_ticket", {"ticket": 1, "wait_s": 0}),
    ("get_overview", {}),
    ("take_ticket", {"ticket": "1", "role": "backend"}),
    ("take_ticket", {"role": "designer"}),
    ("add_message", {"ticket": 1, "body": "Which case?", "to_role": "qa"}),
    ("update_ticket", {"ticket": 1, "role": "backend", "role_status": "done", "note": "Done."}),
    ("trigger_bot_build", {"ticket": 1}),
    ("find_builds", {"ticket": 1}),
    ("report_build", {"build_id": "none", "status": "running"}),
    ("update_build", {"build_id": "01a22586-f720-777a-b2a7-055ca0f7bb8c", "is_active": False}),
    ("suggest_close", {"ticket": 1, "evidence": "merged", "confidence": 2}),
    ("suggest_close", {"ticket": 1, "evidence": {"pr": "merged"}}),
    ("list_suggestions", {}),
    ("act_on_suggestion", {"suggestion_id": "none", "action": "decline"}),
    ("creat_ticket", TICKET),
    ("", {}),
    (7, {}),
]


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    """Two servers, each on a store of its own."""
    with Served(tmp_path / "one.db") as one, Served(tmp_path / "other.db") as other:
        yield one, other


def test_three_hundred_requests_are_answered_as_the_sdk_answers_them(
    both: tuple[Served, Served],
) -> None:
    cases = [*_stateless_calls(), *_irregular_calls()]
    sessions = [_open_session(served) for served in both]
    asked = 0
    for headers, body in cases:
        plain, irregular = (
            _answer(served, headers, body, more)
            for served, more in zip(both, ([], NOT_PLAIN), strict=True)
        )
        assert plain == irregular, (headers, body)
        asked += 1
    for body in _calls_in_session():
        plain, irregular = (
            _answer(served, _of_session(session), body, more)
            for served, session, more in zip(both, sessions, ([], NOT_PLAIN), strict=True)
        )
        assert plain[::2] == irregular[::2], body  # one says it in an event
        asked += 1
    assert asked > 300


def test_a_session_is_its_own_tokens_and_ends_when_it_is_ended(both: tuple[Served, Served]) -> None:
    served, other = both
    session = _open_session(served)
    body = _message(1, {"name": "find_tickets", "arguments": {}})
    assert _answer(served, _of_session(session), body, [])[0] == 200
    assert _answer(other, _of_session(session), body, [])[0] == 404
    assert served.http.delete("/mcp", headers={"Mcp-Session-Id": session}).status_code == 200
    assert _answer(served, _of_session(session), body, [])[0] == 404


def _stateless_calls() -> Iterator[Case]:
    ids = count(1)
    for _ in range(3):  # as what was filed, taken and finished changes the answers
        for name, arguments in CALLS:
            params = {"name": name, "arguments": arguments, "_meta": META}
            yield _named(name), _message(next(ids), params)


def _calls_in_session() -> Iterator[bytes]:
    for number, (name, arguments) in enumerate(CALLS):
        if "\\ud83d" in json.dumps(arguments):
            continue  # the SDK reads no lone surrogate here, and we tell which field holds it
        yield _message(f"n{number}", {"name": name, "arguments": arguments})
        yield _message(number, {"name": name, "arguments": arguments, "_meta": {"any": 1}})


def _irregular_calls() -> Iterator[Case]:
    """Yield calls that are irregular in one way, or in none that matters."""
    for name, arguments in (("find_tickets", {}), ("get_ticket", {"ticket": "1"}), ("none", {})):
        params = {"name": name, "arguments": arguments, "_meta": META}
        yield from _with_other_ids(name, params)
        for meta in _metas():
            yield _named(name), _message(1, {**params, "_meta": meta})
        others: list[Any] = [{**params, "task": {}}, {"name": name}, {}, [], None, "params"]
        for other in others:
            yield _named(name), _message(1, other)
        for headers in _heads(name):
            yield {**_named(name), **headers}, _message(1, params)
        whole = json.loads(_message(1, params))
        for changes in ({"jsonrpc": "1.0"}, {"method": "tools/none"}, {"more": 1}, {"method": 1}):
            yield _named(name), json.dumps({**whole, **changes}).encode()
        for text in (b"", b"[]", b"{", b"nothing", b"[" * 5_000, b"\xff", b"1" * 5_000):
            yield _named(name), text
        yield _named(name), b"[" + _message(1, params) + b"]"


def _with_other_ids(name: str, params: Mapping[str, Any]) -> Iterator[Case]:
    ids: list[Any] = [0, -1, 2**53, 10**30, 1.5, True, None, "", "a\ud800", "é", {}, [1]]
    for request_id in ids:
        yield _named(name), _message(request_id, params)
    message = json.loads(_message(1, params))
    del message["id"]
    yield _named(name), json.dumps(message).encode()


def _metas() -> Iterator[Any]:
    revision, client, capabilities = (
        f"{_RESERVED}{name}" for name in ("protocolVersion", "clientInfo", "clientCapabilities")
    )
    yield from ({}, None, [], 1)
    for name in META:
        yield {key: value for key, value in META.items() if key != name}
    yield from ({**META, revision: other} for other in ("2025-11-25", "1.0", None, 20260728))
    for other in (None, {}, {"name": "c"}, {"name": 1, "version": "1"}, "c"):
        yield {**META, client: other}
    icons = [{"src": "https://example.com/icon.png"}]
    yield {**META, client: {"name": "c", "version": "1", "icons": icons, "more": 1}}
    roots: list[Any] = [{"listChanged": True}, {"listChanged": 1}, {}, 1]
    yield from ({**META, capabilities: {"roots": other}} for other in roots)
    others: list[Any] = [None, [], {"sampling": {"a": 1}}]
    yield from ({**META, capabilities: other} for other in others)
    yield {**META, capabilities: {"extensions": {"a/b": {"c": [1]}}, "unknown": {}}}
    yield {**META, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    tokens: list[Any] = ["t", 1, 1.5, None, {}]
    yield from ({**META, "progressToken": token} for token in tokens)
    yield from ({**META, f"{_RESERVED}logLevel": level} for level in ("info", "loud"))


def _heads(name: str) -> Iterator[Headers]:
    yield from ({"MCP-Protocol-Version": other} for other in ("2025-11-25", "2027-01-01", ""))
    yield from ({"Mcp-Method": other} for other in ("tools/list", ""))
    yield from ({"Mcp-Name": other} for other in ("create_ticket", "", "=?base64?!?="))
    yield {"Mcp-Name": f"=?base64?{base64.b64encode(name.encode()).decode()}?="}
    yield from ({"Accept": other} for other in ("application/json", "text/event-stream", "*/*", ""))
    yield from ({"Content-Type": other} for other in ("text/plain", "application/json; charset=u"))
    yield {"Mcp-Session-Id": "none"}
    yield {"Mcp-Param-Ticket": "1"}


def _named(name: Any) -> Headers:
    told = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
    return {**told, "Mcp-Name": str(name)}


def _of_session(session: str) -> Headers:
    return {"MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": session}


def _message(request_id: Any, params: Any) -> bytes:
    message = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}
    return json.dumps(message).encode()


def _open_session(served: Served) -> str:
    asked = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": INITIALIZE}
    opened = served.http.post("/mcp", json=asked, headers={"Accept": _ACCEPTED})
    return opened.headers["Mcp-Session-Id"]


_ACCEPTED = "application/json, text/event-stream"


def _answer(
    served: Served, headers: Headers, body: bytes, more: list[tuple[str, str]]
) -> tuple[int, str, str]:
    """Return the status, the type and the text of an answer without what differs from run to run,
    an event's as its data."""
    told = {"Accept": _ACCEPTED, "Content-Type": "application/json", **headers}
    answer = served.http.post("/mcp", content=body, headers=httpx2.Headers([*told.items(), *more]))
    text = answer.text
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        text = "".join(re.findall(r"^data: (\{.*)$", text.replace("\r", ""), re.MULTILINE))
    with suppress(ValueError):  # not every refusal is JSON
        text = json.dumps(json.loads(text), sort_keys=True)
    return answer.status_code, answer.headers.get("content-type", ""), LATELY.sub("…", text)
