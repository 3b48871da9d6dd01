"""Responses as they go over a wire."""

import json
from typing import Any

from mcp_handoff import __version__

SERVER = {"name": "mcp-handoff", "title": "Handoff desk", "version": __version__}
"""How we name ourselves (revision 2026-07-28, Implementation)."""

INTERNAL_ERROR = -32603
"""The code of an error that no better request would mend (JSON-RPC 2.0, section 5.1)."""

_STAMP = {"io.modelcontextprotocol/serverInfo": SERVER}


def response(request_id: int | str, result: dict[str, Any], *, stateless: bool) -> bytes:
    """Return the JSON-RPC response to a request; one without a session says itself that it is
    complete, and whose it is (revision 2026-07-28, Result)."""
    whole = {**result, "resultType": "complete", "_meta": _STAMP} if stateless else result
    return message(id=request_id, result=whole)


def event(of: bytes) -> bytes:
    """Return a message as an event of a stream
    (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    return b"event: message\r\ndata: %b\r\n\r\n" % of


def message(**parts: Any) -> bytes:
    """Return a JSON-RPC message, on one line. A lone surrogate, which UTF-8 has not, stays what it
    is in JSON."""
    whole = {"jsonrpc": "2.0", **parts}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace")
