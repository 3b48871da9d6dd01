"""Our own uvicorn server, with an end that comes in time."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager

import uvicorn

from mcp_handoff.backend import Backend, Store
from mcp_handoff.config import Settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.http.application import Admission, App, create_app
from mcp_handoff.http.authentication import Recognise, Resource, is_loopback
from mcp_handoff.http.deadlines import ImpatientProtocol
from mcp_handoff.http.guard import Allowed
from mcp_handoff.http.oauth import Issuer
from mcp_handoff.tokens import Principal, token_id_of

GRACE_SECONDS = 10
"""How long requests under way may take once SIGTERM or Ctrl-C has come."""

SILENCE_SECONDS = 20
"""How long a connection may stay open between requests."""

CONNECTIONS = 2_000
"""How many requests are taken at once before the rest is told to come back."""


_LOOPBACK_HOSTS = ("127.0.0.1:*", "localhost:*", "[::1]:*")
_LOOPBACK_ORIGINS = tuple(f"http://{host}" for host in _LOOPBACK_HOSTS)


class Server(uvicorn.Server):
    """Ends open streams before it waits for connections to close."""

    def __init__(self, app: App) -> None:
        config = uvicorn.Config(
            app.asgi,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=SILENCE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._mcp = app.mcp

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """End on SIGTERM and Ctrl-C with status 0: uvicorn's own would raise the signal again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._mcp.end_streams()
        await super().shutdown(sockets)


async def serve(
    backend: Backend,
    settings: Settings,
    *,
    host: str,
    port: int,
    hosts: Sequence[str],
    origins: Sequence[str],
    announce: Callable[[str], None],
    beside: Callable[[str], AbstractAsyncContextManager[None]],
) -> None:
    """Serve until SIGTERM or Ctrl-C, and run beside it what the server's own address is given to.

    Raises Misconfigured for an address beyond loopback as long as nobody could prove who it is.
    """
    resource = _resource(settings)
    recognise = await _recogniser(backend, resource)
    if recognise is None and not is_loopback(host):
        raise Misconfigured(
            f"{host} can be reached from elsewhere, and there is no token yet. Make one first:"
            " mcp-handoff token create NAME --role bot"
        )
    bound = listen(host, port)
    address = f"{_bracketed(host)}:{bound.getsockname()[1]}"
    allowed = Allowed([*_LOOPBACK_HOSTS, address, *hosts], [*_LOOPBACK_ORIGINS, *origins])
    admission = Admission(allowed, origins, recognise, resource)
    app = create_app(backend, settings, admission)
    everyone = "everyone on this machine (there is no token)"
    open_to = "whoever has a token" if recognise else everyone
    gc.freeze()  # what starting made, stays: no collection under load looks through it again
    announce(f"http://{address}/mcp, /sse and /api, open to {open_to}")
    async with app.sessions(), beside(f"http://{address}"):
        await Server(app).serve([bound])


async def _recogniser(backend: Backend, resource: Resource | None) -> Recognise | None:
    """Return what tells whom a token belongs to, ours or the issuer's; None where there is none."""
    store = backend if isinstance(backend, Store) else None
    if resource is not None:
        issuer = Issuer(resource.issuer, resource.address)

        async def recognise(secret: str) -> Principal | None:
            if store is not None and token_id_of(secret) is not None:
                return await store.recognise(secret)
            return await issuer.recognise(secret)

        return recognise
    if store is None or all(token.revoked_at for token in await store.list_tokens()):
        return None
    return store.recognise


def _resource(settings: Settings) -> Resource | None:
    if settings.oauth_issuer and settings.oauth_audience:
        return Resource(settings.oauth_audience, settings.oauth_issuer)
    return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; Misconfigured when it is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it answers wait 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise Misconfigured(f"{host}:{port} can't be listened on: {error.strerror}.") from None
    bound.listen(socket.SOMAXCONN)
    return bound
