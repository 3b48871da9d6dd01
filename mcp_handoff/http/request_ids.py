"""An id for each request: in its response, and in every line of the log that it leaves."""

import re

from mcp_handoff.ids import new_id
from mcp_handoff.logs import request_id

HEADER = "x-request-id"

_PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def identify(given: str) -> str:
    """Return the id of the request that is served here and now: the one that a proxy in front gave,
    when it is a plain one, or a new one."""
    name = given if _PLAIN.fullmatch(given) else new_id()
    request_id.set(name)
    return name
