"""The one HTTP client: its proxies, redirects and deadlines, how much it reads, and what addresses
it connects to."""

import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import anyio
import httpcore2
import httpx2

from mcp_handoff.addresses import Address, ip_address_of

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


class AddressRefused(NotSent):
    """A name stands for addresses that nothing is sent to, such as `address`."""

    def __init__(self, address: str) -> None:
        super().__init__("no address of that name may be connected to")
        self.address = address


class BrokenOff(HttpError):
    """The connection broke before the response was whole; the request may have arrived."""


class TimedOut(HttpError):
    """A deadline passed before the response was whole; the request may have arrived."""


class HttpClient:
    """Makes requests over connections that it keeps until it is closed.

    It follows no redirect, and reads bodies of at most `body_limit` bytes: a longer one is cut off,
    and with 0 none is read. Proxies of the environment are used for https:// alone; with `admits`
    none is, and it connects to those addresses alone that this admits, whatever a name stands for.
    """

    def __init__(
        self,
        deadlines: Deadlines,
        *,
        body_limit: int,
        admits: Callable[[Address], bool] | None = None,
    ) -> None:
        self._deadlines = deadlines
        self._body_limit = body_limit
        self._admits = admits
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

        Raises NotSent (AddressRefused with `admits`), BrokenOff or TimedOut; the request may have
        arrived after the last two.
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
                trust_env=uses_proxies and self._admits is None,
                transport=self._admits and _CheckedTransport(self._admits),
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


class _CheckedTransport(httpx2.AsyncHTTPTransport):
    """Connects to addresses that `admits` admits, as many as are asked for at once."""

    def __init__(self, admits: Callable[[Address], bool]) -> None:
        tls = httpx2.create_ssl_context()
        super().__init__(verify=tls)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            network_backend=_CheckedNetwork(admits),
        )


class _CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Looks a name up and connects to what was found: looked up once more by somebody else, it
    might stand for another address."""

    def __init__(self, admits: Callable[[Address], bool]) -> None:
        self._admits = admits
        # Its type is another one where anyio is missing.
        self._network = cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as it is called by the library
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("looking the name up took too long") from error
        except OSError as error:
            raise httpcore2.ConnectError("the name was not found") from error
        addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
        admitted = [address for address in addresses if self._is_admitted(address)]
        if not admitted:
            raise AddressRefused(addresses[0])
        for address in admitted[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue  # with the next one
        return await self._network.connect_tcp(admitted[-1], port, timeout, local_address)

    def _is_admitted(self, text: str) -> bool:
        address = ip_address_of(text)
        return address is not None and self._admits(address)
