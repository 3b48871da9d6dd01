"""Sending a dispatch once, as Standard Webhooks has it (https://www.standardwebhooks.com)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from mcp_handoff import __version__
from mcp_handoff.addresses import Address, Network, may_be_told
from mcp_handoff.dispatch.endpoints import BuildEndpoint, Endpoint, NotTaken, WebhookEndpoint
from mcp_handoff.dispatches import Dispatch
from mcp_handoff.http_client import AddressRefused, Deadlines, HttpClient, HttpError, TimedOut
from mcp_handoff.retry_after import seconds_of

CONNECT_SECONDS = 5.0
RESPONSE_SECONDS = 15.0
"""How long a receiver may take in all; a lease lasts longer."""

_GONE = 410


class Sender:
    """Sends over connections that it keeps until it is closed.

    `builds` is the receiver of builds, None where this process tells none; `desk` the address under
    which others reach this desk, as far as that is known; webhooks are sent to public addresses and
    those of `networks`.
    """

    def __init__(
        self,
        builds: BuildEndpoint | None = None,
        *,
        desk: str | None = None,
        networks: Sequence[Network] = (),
    ) -> None:
        self._builds = builds
        self._desk = desk
        self._networks = networks
        deadlines = Deadlines(CONNECT_SECONDS, read=RESPONSE_SECONDS, total=RESPONSE_SECONDS)
        self._to_builds = HttpClient(deadlines, body_limit=0)
        self._to_webhooks = HttpClient(deadlines, body_limit=0, admits=self._admits)

    async def send(self, dispatch: Dispatch) -> None:
        """Send a dispatch once. Raises NotTaken unless the response's status is a success; no more
        of it is read."""
        endpoint, http = self._way_of(dispatch)
        now = datetime.now(UTC)
        body = endpoint.body(dispatch, now)
        headers = _headers(endpoint, dispatch.id, body, now)
        try:
            response = await http.request("POST", endpoint.url, headers=headers, content=body)
        except AddressRefused as refused:
            raise NotTaken(
                f"its address {refused.address} is none of the public Internet, and"
                " HANDOFF_WEBHOOK_NETWORKS does not allow it"
            ) from None
        except TimedOut:
            raise NotTaken(f"it gave no response within {RESPONSE_SECONDS:.0f} s") from None
        except HttpError:
            raise NotTaken("it can't be reached, or broke off") from None
        if 200 <= response.status < 300:
            return
        if response.status == _GONE:
            raise NotTaken("it responded with status 410, it takes no more dispatches", gone=True)
        if 300 <= response.status < 400:
            raise NotTaken("it responded with a redirect, and none is followed")
        asked = seconds_of(response.headers.get("Retry-After"))
        raise NotTaken(f"it responded with status {response.status}", asked=asked)

    def _way_of(self, dispatch: Dispatch) -> tuple[Endpoint, HttpClient]:
        if dispatch.target is not None:
            return WebhookEndpoint(dispatch.target, self._desk), self._to_webhooks
        assert self._builds is not None, "no run is leased where none is sent"
        return self._builds, self._to_builds

    def _admits(self, address: Address) -> bool:
        return may_be_told(address, self._networks)

    async def aclose(self) -> None:
        """Close all connections."""
        for http in (self._to_builds, self._to_webhooks):
            await http.aclose()


def _headers(endpoint: Endpoint, message_id: str, body: str, now: datetime) -> Mapping[str, str]:
    """Return the headers of Standard Webhooks; signed when there is a secret."""
    headers = {
        "content-type": "application/json",
        "user-agent": f"mcp-handoff/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if endpoint.secret:
        headers["webhook-signature"] = Webhook(endpoint.secret).sign(message_id, now, body)
    return headers
