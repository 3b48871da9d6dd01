"""From settings to a backend: the one place that sees both sides."""

from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import platformdirs

from mcp_handoff.backend import Backend, Store
from mcp_handoff.config import Settings, is_secure
from mcp_handoff.errors import Misconfigured
from mcp_handoff.store.transaction import Database
from mcp_handoff.text import shortened, visible

if TYPE_CHECKING:
    from mcp_handoff.dispatch import Dispatcher

_SQLITE = "sqlite:///"
_HTTP = ("http://", "https://")


def open_backend(settings: Settings) -> Backend:
    """Open the backend that HANDOFF_BACKEND names; Misconfigured when it can't be used."""
    if (settings.backend or "").startswith(_HTTP):
        return _open_api(settings)
    return _open_store(settings)


def open_store(settings: Settings) -> Store:
    """Open a backend that keeps tokens; Misconfigured when HANDOFF_BACKEND names an API."""
    if (settings.backend or "").startswith(_HTTP):
        raise Misconfigured("HANDOFF_BACKEND is an API: its tokens are made and kept over there.")
    return _open_store(settings)


def open_dispatcher(
    backend: Backend, settings: Settings, public_url: str | None
) -> "Dispatcher | None":
    """Return what sends the dispatches of a store; None without BUILD_DISPATCH_URL, or where
    somebody else's API does it. Reports reach us at `public_url`."""
    if settings.dispatch_url is None or not isinstance(backend, Store) or settings.read_only:
        return None
    from mcp_handoff.dispatch import Dispatcher, Receiver

    reports_to = f"{public_url.rstrip('/')}/api" if public_url else None
    receiver = Receiver(settings.dispatch_url, settings.dispatch_secret, reports_to)
    return Dispatcher(backend, receiver)


def dispatching(
    backend: Backend, settings: Settings, public_url: str | None
) -> AbstractAsyncContextManager[None]:
    """Send what becomes due while this is entered, where there is something to send."""
    dispatcher = open_dispatcher(backend, settings, public_url)
    return dispatcher.running() if dispatcher else nullcontext()


def described(settings: Settings) -> str:
    """Return what HANDOFF_BACKEND names, as a person reads it."""
    if (settings.backend or "").startswith(_HTTP):
        return f"API {settings.backend}"
    if url := _postgres_url(settings):
        with _driver_required():
            from mcp_handoff.postgres.opening import described
        return f"store {described(url)}"
    return f"store {_store_path(settings)}"


def _store_path(settings: Settings) -> Path:
    """Return where the embedded store lies: sqlite:////absolute, sqlite:///relative, or the
    user's data directory, which is made when it is missing."""
    if settings.backend is None:
        directory = platformdirs.user_data_path("mcp-handoff")
        _make_private(directory)
        return directory / "handoff.db"
    if not settings.backend.startswith(_SQLITE) or settings.backend == _SQLITE:
        scheme = shortened(visible(settings.backend.partition(":")[0]), 30)
        raise Misconfigured(
            f"HANDOFF_BACKEND begins with {scheme!r}; this version knows sqlite:///file"
            " (sqlite:////absolute/path for one that is not relative), postgresql://host/database"
            " and https://host/api."
        )
    return Path(settings.backend.removeprefix(_SQLITE)).expanduser().absolute()


def _open_store(settings: Settings) -> Store:
    from mcp_handoff.store.store_backend import StoreBackend

    return StoreBackend(_open_database(settings), dispatching=settings.dispatch_url is not None)


def _open_database(settings: Settings) -> Database:
    if url := _postgres_url(settings):
        with _driver_required():
            from mcp_handoff.postgres.database import PostgresDatabase
        return PostgresDatabase.open(url, read_only=settings.read_only)
    from mcp_handoff.sqlite.database import SqliteDatabase

    return SqliteDatabase.open(_store_path(settings), read_only=settings.read_only)


def _postgres_url(settings: Settings) -> str | None:
    return settings.backend if settings.is_shared else None


@contextmanager
def _driver_required() -> Generator[None]:
    try:
        yield
    except ImportError:
        raise Misconfigured(
            "HANDOFF_BACKEND names a PostgreSQL database, which needs a driver:"
            " python -m pip install 'mcp-handoff[postgres]'"
        ) from None


def _open_api(settings: Settings) -> Backend:
    from mcp_handoff.remote.client import ApiClient
    from mcp_handoff.remote.remote_backend import ApiBackend

    address = settings.backend or ""
    if not is_secure(address):
        raise Misconfigured(
            "HANDOFF_BACKEND must be an https:// address without a password in it"
            " (http:// for this machine alone); HANDOFF_API_TOKEN takes the token."
        )
    tickets = ApiClient(address, settings.api_token)
    builds = settings.builds_api or f"{address.rstrip('/')}/v1"
    return ApiBackend(tickets, ApiClient(builds, _builds_token(settings, builds)))


def _builds_token(settings: Settings, builds: str) -> str | None:
    """Return the token for the builds API: its own, or the other one on the same host."""
    same = _origin(builds) == _origin(settings.backend or "")
    return settings.builds_token or (settings.api_token if same else None)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    """Return what tells one host from another (RFC 6454, section 4)."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise Misconfigured(
            f"{directory} can't be made; set HANDOFF_BACKEND=sqlite:///file instead."
        ) from None
