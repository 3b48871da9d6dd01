"""Messages in their plainest form, of each protocol revision: those that need no SDK to be read.

Whatever is irregular in any way is not read here. It goes to the SDK, which says what is wrong with
it, or that nothing is. Little is imported, and nothing that is slow to load: the first requests are
answered while everything else still loads.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

STATELESS = "2026-07-28"
"""The revision whose requests carry all that is known of their client."""

HANDSHAKES = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""The revisions in which a connection or a session begins with `initialize`."""

CANCELLED = "notifications/cancelled"
INITIALIZED = "notifications/initialized"

_RESERVED = "io.modelcontextprotocol/"
_REVISION = f"{_RESERVED}protocolVersion"
_CAPABILITIES = f"{_RESERVED}clientCapabilities"
_CLIENT = f"{_RESERVED}clientInfo"
_LOG_LEVEL = f"{_RESERVED}logLevel"
_LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
_MESSAGE = {"jsonrpc", "id", "method", "params"}
_SETTINGS = {"elicitation", "experimental", "extensions", "sampling"}
_IDENTITY = {"name", "version", "title", "description", "websiteUrl"}
_SAFE_INTEGER = 2**53


class PlainRequest(NamedTuple):
    """A JSON-RPC request; `params` without their `_meta`. `client` is the name of a client that
    tells it with each request, `stateless` whether the revision is that one."""

    id: int | str
    method: str
    params: Mapping[str, Any]
    meta: Mapping[str, Any]
    stateless: bool
    client: str | None = None

    @property
    def progress_token(self) -> int | str | None:
        """By what the client asked to hear how far the request is."""
        return self.meta.get("progressToken")


class ToolCall(NamedTuple):
    """What a request asks of which tool."""

    name: str
    arguments: Mapping[str, Any]


class Notification(NamedTuple):
    """A JSON-RPC message that nobody responds to."""

    method: str
    params: Mapping[str, Any]


def read_message(text: bytes) -> PlainRequest | Notification | None:
    """Return the message that a JSON text is, None where it is none, or an irregular one."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not message.keys() <= _MESSAGE:
        return None
    message = cast(dict[str, Any], message)
    method, params = message.get("method"), message.get("params", {})
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return None
    if not isinstance(params, dict):
        return None
    params = cast(dict[str, Any], params)
    if "id" not in message:
        return Notification(method, params)
    return _request(message["id"], method, params) if _is_id(message["id"]) else None


def _request(number: int | str, method: str, params: dict[str, Any]) -> PlainRequest | None:
    params = dict(params)
    meta = params.pop("_meta", {})
    if not isinstance(meta, dict):
        return None
    meta = cast(dict[str, Any], meta)
    if not _is_id(meta.get("progressToken", 0)):
        return None
    reserved = {key for key in meta if key.startswith(_RESERVED)}
    if not reserved:
        return PlainRequest(number, method, params, meta, stateless=False)
    client = meta.get(_CLIENT)
    if (
        not reserved <= {_REVISION, _CAPABILITIES, _CLIENT, _LOG_LEVEL}
        or meta.get(_REVISION) != STATELESS
        or not are_plain_capabilities(meta.get(_CAPABILITIES))
        or not (client is None or is_plain_identity(client))
        or meta.get(_LOG_LEVEL, "info") not in _LOG_LEVELS  # no client is told of our log
    ):
        return None
    name = client["name"] if client else None
    return PlainRequest(number, method, params, meta, stateless=True, client=name)


def tool_call_of(request: PlainRequest) -> ToolCall | None:
    """Return which tool a request calls; None where it does something else, or is irregular."""
    params = request.params
    if request.method != "tools/call" or not params.keys() <= {"name", "arguments"}:
        return None
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict | None):
        return None
    return ToolCall(name, cast(dict[str, Any], arguments or {}))


def are_plain_capabilities(value: Any) -> bool:
    """Tell whether a value is what a client says of what it can do, in all that the schema has."""
    if not isinstance(value, dict):
        return False
    for name, settings in cast(dict[str, Any], value).items():
        if (name not in _SETTINGS and name != "roots") or not isinstance(settings, dict):
            return False
        kind = bool if name == "roots" else dict
        if not all(isinstance(one, kind) for one in cast(dict[str, Any], settings).values()):
            return False
    return True


def is_plain_identity(value: Any) -> bool:
    """Tell whether a value is how a client names itself."""
    if not isinstance(value, dict) or not {"name", "version"} <= value.keys() <= _IDENTITY:
        return False
    return all(isinstance(part, str) for part in cast(dict[str, Any], value).values())


def _is_id(value: Any) -> bool:
    """Tell whether a value can be a request's id, and can be repeated as it is."""
    if isinstance(value, str):
        return value.isascii() or value == value.encode(errors="replace").decode()
    return type(value) is int and abs(value) < _SAFE_INTEGER
