"""From the parts of an HTTP request to a request of ours."""

from typing import Any, TypeVar

from mcp_handoff.schema import Request
from mcp_handoff.validation import parse

RequestT = TypeVar("RequestT", bound=Request)


def made(model: type[RequestT], **parts: Any) -> RequestT:
    """Return the request that the path, the query and the body make together."""
    return parse(model, parts, "user")
