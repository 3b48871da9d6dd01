"""What a response says in headers, beside a body that is documented."""

from starlette.responses import Response

from mcp_handoff.schema import TOLD_IN_HEADERS, Replayable


def tell_in_headers(response: Response, result: Replayable) -> None:
    """Say of a result in headers what is true of it and not in its body."""
    for name, header in TOLD_IN_HEADERS.items():
        if getattr(result, name, False):
            response.headers[header] = "true"
