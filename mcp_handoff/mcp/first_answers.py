"""What a client asks first, answered from a file while the rest of the program still loads.

The file holds what the server answers to `initialize`, `server/discover`, `ping` and the lists, in
every revision; a test holds it equal to that, byte for byte. Clients give a server that is slow to
say what it is up after half a second, and the SDK alone takes as long to load.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, cast

from mcp_handoff.mcp.requests import (
    HANDSHAKES,
    STATELESS,
    PlainRequest,
    are_plain_capabilities,
    is_plain_identity,
    read_message,
)
from mcp_handoff.mcp.wire import Line, Wire
from mcp_handoff.switches import FALSE

FILE = os.path.join(os.path.dirname(__file__), "first_answers.json")

ANSWERED = (
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
)
"""The methods whose results never change."""


class FirstAnswers:
    """Answers one client's plain requests of these methods, from what lies ready by revision.

    Of one that shook hands here, `client` is its name, `revision` the one that was agreed on, and
    `handshake` the request: whoever takes over has to hear of it.
    """

    def __init__(self, results: Mapping[str, Mapping[str, str]]) -> None:
        self._results = results
        self.revision: str | None = None
        self.client: str | None = None
        self.handshake: bytes | None = None

    def answer(self, request: PlainRequest, line: bytes) -> bytes | None:
        """Return the response to a request, None for one that is not answered here."""
        if request.method == "initialize":
            result = self._initialize(request, line)
        elif request.params or not (revision := STATELESS if request.stateless else self.revision):
            return None
        else:
            result = self._results.get(revision, {}).get(request.method)
        if result is None:
            return None
        request_id = json.dumps(request.id, ensure_ascii=False)
        return f'{{"jsonrpc":"2.0","id":{request_id},"result":{result}}}'.encode()

    def answer_line(self, line: Line) -> bytes | None:
        """Return the response to a request that a line is, None where it is none, or not answered
        here."""
        message = read_message(line) if isinstance(line, bytes) else None
        if isinstance(message, PlainRequest) and isinstance(line, bytes):
            return self.answer(message, line)
        return None

    def _initialize(self, request: PlainRequest, line: bytes) -> str | None:
        """Shake hands, once; the second time is for the SDK to refuse."""
        asked = request.params.get("protocolVersion")
        if (
            request.stateless
            or self.revision is not None
            or set(request.params) != {"protocolVersion", "capabilities", "clientInfo"}
            or not isinstance(asked, str)
            or not are_plain_capabilities(request.params["capabilities"])
            or not is_plain_identity(request.params["clientInfo"])
        ):
            return None
        revision = asked if asked in HANDSHAKES else HANDSHAKES[-1]
        if result := self._results.get(revision, {}).get(request.method):
            self.revision, self.handshake = revision, line
            self.client = request.params["clientInfo"]["name"]
        return result


OpenWire = tuple[Wire, FirstAnswers]


def open_wire() -> OpenWire:
    """Take stdin and stdout, and answer what lies ready from now on."""
    read_only = os.environ.get("HANDOFF_READ_ONLY", "").lower() not in FALSE
    first = FirstAnswers(_read(read_only=read_only))
    return Wire(first.answer_line), first


def _read(*, read_only: bool) -> dict[str, dict[str, str]]:
    """Return the results by revision and method; none without the file."""
    try:
        with open(FILE, encoding="utf-8") as file:
            rendered = cast(dict[str, Any], json.load(file))
    except FileNotFoundError:
        return {}
    kind = "read_only" if read_only else "whole"
    return {
        revision: {method: rendered["results"][place] for method, place in methods.items()}
        for revision, methods in rendered["places"][kind].items()
    }
