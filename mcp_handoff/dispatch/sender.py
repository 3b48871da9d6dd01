"""Sending a dispatch once, as Standard Webhooks has it (https://www.standardwebhooks.com)."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime

from standardwebhooks import Webhook

from mcp_handoff.dispatch.endpoints import BuildEndpoint, Endpoint
from mcp_handoff.dispatches import Attempt, Dispatch, retry_in
from mcp_handoff.http_client import Deadlines, HttpClient, HttpError, TimedOut
from mcp_handoff.retry_after import seconds_of

CONNECT_SECONDS = 5.0
RESPONSE_SECONDS = 15.0
"""How long a receiver may take in all; a lease lasts longer."""

_GONE = 410


class Sender:
    """Sends over connections that it keeps until it is closed."""

    def __init__(self, builds: BuildEndpoint) -> None:
        self._builds = builds
        deadlines = Deadlines(CONNECT_SECONDS, read=RESPONSE_SECONDS, total=RESPONSE_SECONDS)
        self._http = HttpClient(deadlines, body_limit=0)

    async def send(self, dispatch: Dispatch) -> Attempt:
        """Send a dispatch once and return how that ended, judged by the status alone."""
        endpoint, now = self._builds, datetime.now(UTC)
        body = endpoint.body(dispatch, now)
        headers = _headers(endpoint, dispatch.id, body, now)
        try:
            response = await self._http.request("POST", endpoint.url, headers=headers, content=body)
        except TimedOut:
            return failed(dispatch, f"it gave no response within {RESPONSE_SECONDS:.0f} s")
        except HttpError:
            return failed(dispatch, "it can't be reached, or broke off")
        if 200 <= response.status < 300:
            return Attempt()
        if response.status == _GONE:
            return Attempt(error="The receiver responded 410: it takes no more dispatches.")
        if 300 <= response.status < 400:
            return failed(dispatch, "it responded with a redirect, and none is followed")
        asked = seconds_of(response.headers.get("Retry-After"))
        return failed(dispatch, f"it responded with status {response.status}", asked)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def failed(dispatch: Dispatch, why: str, asked: float | None = None) -> Attempt:
    """Return an attempt that failed, with when the next one is due."""
    chance = random.random()  # noqa: S311 - spreads waits, guards nothing
    wait = retry_in(dispatch.attempts + 1, asked, chance)
    return Attempt(error=f"The receiver did not take it: {why}.", retry_in=wait)


def _headers(endpoint: Endpoint, message_id: str, body: str, now: datetime) -> Mapping[str, str]:
    """Return the headers of Standard Webhooks; signed when there is a secret."""
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if endpoint.secret:
        headers["webhook-signature"] = Webhook(endpoint.secret).sign(message_id, now, body)
    return headers
