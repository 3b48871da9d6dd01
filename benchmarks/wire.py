"""Requests as they go over the wire, in the protocol revisions that are measured."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from benchmarks.load import PLACE

HANDSHAKE = "2025-11-25"
MODERN = "2026-07-28"
ERAS = (MODERN, HANDSHAKE)

_CLIENT = {"name": "bench", "version": "1"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZE = {"protocolVersion": HANDSHAKE, "capabilities": {}, "clientInfo": _CLIENT}

Address = tuple[str, int]
"""A host and a port."""

_ACCEPTED = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
_MCP = "/mcp"


def modern(tool: str, arguments: Mapping[str, Any], token: str = "") -> str:
    """Return a call of the revision without sessions, with a token if there is one."""
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
    return post(_MCP, _called(params), headers)


def listen(uri: str) -> str:
    """Return a request for a stream on which is told, in that revision, what changes at an
    address."""
    method = "subscriptions/listen"
    headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    watched = {"resourceSubscriptions": [uri]}
    message = _message(method, id=1, params={"notifications": watched, "_meta": ENVELOPE})
    return post(_MCP, message, headers)


def handshake(tool: str, arguments: Mapping[str, Any], session: str) -> str:
    """Return a call of the newest revision with sessions, within one."""
    headers = {"MCP-Protocol-Version": HANDSHAKE, "Mcp-Session-Id": session}
    return post(_MCP, _called({"name": tool, "arguments": arguments}), headers)


def open_session(address: Address) -> str:
    """Shake hands and return the session's id."""
    session = _sent(address, _message("initialize", id=1, params=INITIALIZE), {})
    _sent(address, _message("notifications/initialized"), {"Mcp-Session-Id": session})
    return session


def post(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    text = json.dumps(body)
    head = {"Host": "127.0.0.1:80", **_ACCEPTED, **headers, "Content-Length": str(len(text))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, "", text])


def _called(params: Mapping[str, Any]) -> dict[str, Any]:
    return _message("tools/call", id=PLACE, params=params)


def _message(method: str, **parts: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, **parts}


def _sent(address: Address, message: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Send a message and return the session that the answer names."""
    host, port = address
    request = urllib.request.Request(
        f"http://{host}:{port}{_MCP}",
        data=json.dumps(message).encode(),
        headers={**_ACCEPTED, **headers},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.headers.get("Mcp-Session-Id", "")
