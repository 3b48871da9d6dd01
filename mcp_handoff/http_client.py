"""The one HTTP client: its proxies, redirects and deadlines, and how much it reads."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import httpx2

# It logs every address whole, and that of a receiver may hold a key.
logging.getLogger("httpx2").setLevel(logging.WARNING)

_NOT_SENT = (
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long an exchange may take, in seconds.

    `connect` is until the connection stands, `read` for each wait after that, and `total` for the
    whole exchange; None leaves that to the caller.
    """

    connect: float
    read: float
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What came back.

    `headers` finds a header by its name in upper or lower case; `body` is None when it was longer
    than the client reads.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class HttpError(Exception):
    """No response came, or not all of it."""


class NotSent(HttpError):
    """No connection came about; nothing was sent."""


class BrokenOff(HttpError):
    """The connection broke before the response was whole; the request may have arrived."""


class TimedOut(HttpError):
    """A deadline passed before the response was whole; the request may have arrived."""


class HttpClient:
    """Makes requests over connections that it keeps until it is closed.

    It follows no redirect, and reads bodies of at most `body_limit` bytes: a longer one is cut off,
    and with 0 none is read. Proxies of the environment are used for https:// alone.
    """

    def __init__(self, deadlines: Deadlines, *, body_limit: int) -> None:
        self._deadlines = deadlines
        self._body_limit = body_limit
        self._clients: dict[bool, httpx2.AsyncClient] = {}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        json: object = None,
        content: str | None = None,
        patience: float = 0.0,
    ) -> Response:
        """Send a request, its body as `json` or as `content`, and return the response, for which
        the other side may take so many seconds longer than the deadline for reading says.

        Raises NotSent, BrokenOff or TimedOut; the request may have arrived after the last two.
        """
        try:
            with anyio.fail_after(self._deadlines.total):
                async with self._client(url).stream(
                    method,
                    url,
                    headers=headers,
                    params=query,
                    json=json,
                    content=content,
                    timeout=self._timeout(patience),
                ) as response:
                    body = await self._read(response)
                return Response(response.status_code, response.headers, body)
        except _NOT_SENT as error:
            raise NotSent("no connection came about") from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise TimedOut("a deadline passed") from error
        except httpx2.HTTPError as error:
            raise BrokenOff("the connection broke off") from error

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def _timeout(self, patience: float) -> httpx2.Timeout:
        read = self._deadlines.read
        return httpx2.Timeout(read, connect=self._deadlines.connect, read=read + patience)

    def _client(self, url: str) -> httpx2.AsyncClient:
        # A proxy could read what goes over http://, tokens and secrets too.
        uses_proxies = url.startswith("https://")
        if uses_proxies not in self._clients:
            self._clients[uses_proxies] = httpx2.AsyncClient(
                follow_redirects=False,
                trust_env=uses_proxies,
            )
        return self._clients[uses_proxies]

    async def _read(self, response: httpx2.Response) -> bytes | None:
        if self._body_limit == 0:
            return None
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > self._body_limit:
                return None
        return bytes(body)
