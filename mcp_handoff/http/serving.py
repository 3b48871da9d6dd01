"""Our own uvicorn server, with an end that comes in time."""

import asyncio
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager

import uvicorn

from mcp_handoff.addresses import is_unspecified
from mcp_handoff.backend import Backend, Store
from mcp_handoff.config import Settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.http.allowlist import Allowlist
from mcp_handoff.http.application import Access, Application, create_application
from mcp_handoff.http.capacity import RESERVED_FILES
from mcp_handoff.http.code_flow import CodeFlow
from mcp_handoff.http.connections import Connections
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.deadlines import DeadlineProtocol
from mcp_handoff.http.oauth import Issuer
from mcp_handoff.http.openings import Opening, require_loopback, require_seclusion
from mcp_handoff.http.resource import Resource
from mcp_handoff.text.characters import shortened, visible

GRACE_SECONDS = 10
"""How long requests under way may take once SIGTERM or Ctrl-C has come."""

VANISHED_SECONDS = 30
"""How long a client's machine may acknowledge nothing, or take nothing more, of what it is sent."""

SILENCE_SECONDS = 20
"""How long a connection may stay open between requests."""

ACCEPTED_AT_ONCE = 8
"""How many connections are accepted before others give way to them: the event loop takes three
rounds to end one, and `RESERVED_FILES` hold what it accepts in these."""

_LOOPBACK_HOSTS = ("127.0.0.1:*", "localhost:*", "[::1]:*")
_LOOPBACK_ORIGINS = tuple(f"http://{host}" for host in _LOOPBACK_HOSTS)


class Server(uvicorn.Server):
    """Ends open streams before it waits for connections to close."""

    def __init__(self, application: Application) -> None:
        capacity = application.capacity
        config = uvicorn.Config(
            application.asgi,
            http=DeadlineProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who is a proxy is HANDOFF_TRUSTED_PROXIES', not uvicorn's to say
            server_header=False,
            backlog=ACCEPTED_AT_ONCE,
            limit_concurrency=capacity.connections + RESERVED_FILES,
            timeout_keep_alive=SILENCE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self.server_state = Connections(capacity)
        self._application = application

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """End on SIGTERM and Ctrl-C with status 0: uvicorn's own would raise the signal again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for bound in sockets or ():  # asyncio lets as many wait as it accepts at once
            bound.listen(socket.SOMAXCONN)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._application.end_streams()
        await super().shutdown(sockets)


async def serve(
    backend: Backend,
    settings: Settings,
    opening: Opening,
    *,
    announce: Callable[[str], None],
    beside: Callable[[str | None], AbstractAsyncContextManager[None]],
) -> None:
    """Serve until SIGTERM or Ctrl-C, and run beside it what is given the address by which others
    reach this server, where that is known.

    Raises Misconfigured for what lets in callers from elsewhere as long as nobody has to prove who
    it is.
    """
    resource, issuer, flow = _oauth(settings)
    credentials = Credentials(backend if isinstance(backend, Store) else None, issuer)
    open_to = await _who_is_let_in(settings, opening, credentials, announce)
    host, origins = opening.host, opening.origins
    bound = listen(host, opening.port)
    address = f"{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"
    allowlist = Allowlist(
        [*_LOOPBACK_HOSTS, address, *opening.names], [*_LOOPBACK_ORIGINS, *origins]
    )
    asked_for = None if opening.no_auth else credentials
    access = Access(allowlist, origins, asked_for, resource, flow)
    application = create_application(backend, settings, access)
    gc.freeze()  # what starting made, stays: no collection under load looks through it again
    reached_at = settings.public_url or (None if is_unspecified(host) else f"http://{address}")
    if reached_at is None:
        announce(
            f"warning: {host} is nobody's address, and HANDOFF_PUBLIC_URL is not set: webhooks come"
            " without links, and builds are not told where to report"
        )
    announce(
        f"http://{address} for people, its /mcp, /sse and /api for programs; open to {open_to}"
    )
    async with application.sessions(), beside(reached_at):
        await Server(application).serve([bound])


def _oauth(settings: Settings) -> tuple[Resource | None, Issuer | None, CodeFlow | None]:
    """Return what this server is to an issuer, who that is, and how people sign in there."""
    if not (settings.oauth_issuer and settings.oauth_audience):
        return None, None, None
    resource = Resource(settings.oauth_audience, settings.oauth_issuer)
    issuer = Issuer(
        resource.issuer,
        resource.address,
        projects_claim=settings.oauth_projects_claim,
        role_claim=settings.oauth_role_claim,
    )
    client_id, secret = settings.oauth_client_id, settings.oauth_client_secret
    return resource, issuer, CodeFlow(issuer, client_id, secret) if client_id else None


async def _who_is_let_in(
    settings: Settings,
    opening: Opening,
    credentials: Credentials,
    announce: Callable[[str], None],
) -> str:
    """Return to whom a server is open, in words, and warn where nobody is asked.

    Raises Misconfigured for what lets in callers from elsewhere unasked.
    """
    required = await credentials.are_required()
    if opening.no_auth:
        require_loopback(settings, opening)
        unasked = "; the store's tokens are not asked for" if required else ""
        announce(f"warning: --no-auth makes an admin of everyone who reaches this server{unasked}")
        return "whoever reaches it"
    if required:
        return "whoever has a token"
    require_seclusion(settings, opening, credentials.first_step("bot"))
    return "everyone on this machine (there is no token)"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; Misconfigured when it is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it responses wait 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":  # those that it accepts have it from it
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_SECONDS * 1000)
    try:
        bound.bind((host, port))
        bound.listen(socket.SOMAXCONN)
    except (OSError, UnicodeError) as error:
        bound.close()
        unnamed = isinstance(error, socket.gaierror | UnicodeError)
        why = _NO_HOST if unnamed else _UNBOUND.get(error.errno or 0, error.strerror)
        named = visible(shortened(f"{host}:{port}", 100))
        raise Misconfigured(f"{named} can't be listened on: {why}.") from None
    return bound


_NO_HOST = "there is no host of this name"

_UNBOUND: Mapping[int, str] = {
    errno.EADDRINUSE: "it is in use; stop what listens there, or choose another --port (0: any)",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "permission was denied, as it is to most for the ports below 1024",
}
