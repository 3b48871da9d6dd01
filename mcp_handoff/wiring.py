"""From settings to a backend: the one place that sees both sides."""

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import platformdirs

from mcp_handoff.addresses import origin_of
from mcp_handoff.backend import Backend, Store
from mcp_handoff.config import BackendAddress, Settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.projects import require_organization
from mcp_handoff.receivers import receiver_of, require_same

logger = logging.getLogger(__name__)

UPKEEP_SECONDS = 60.0
"""How often a store is seen to."""

_IS_API = "HANDOFF_BACKEND is an API; run this where its store is."

if TYPE_CHECKING:
    from mcp_handoff.checkout import Checkout
    from mcp_handoff.dispatch.dispatcher import Dispatcher
    from mcp_handoff.dispatch.sender import Sender
    from mcp_handoff.store.migrations import SchemaState


def open_backend(
    settings: Settings, checkout: "Checkout | None" = None, *, migrates: bool = True
) -> Backend:
    """Open the backend that HANDOFF_BACKEND names; Misconfigured when it can't be used,
    BackendUnavailable where that may pass.

    `checkout` is the git checkout that a store of ours may ask of commits. What only reads leaves
    it to others to make a store (NotFound where there is none) and to bring an old one up to date
    (`migrates`), for older versions may be using it.
    """
    if settings.backend.kind == "api":
        return _open_api(settings)
    return open_store(settings, checkout, migrates=migrates)


def open_store(
    settings: Settings, checkout: "Checkout | None" = None, *, migrates: bool = True
) -> Store:
    """Open a store as `open_backend` does; Misconfigured when HANDOFF_BACKEND names an API."""
    from mcp_handoff.store.store_backend import StoreBackend

    receiver = None
    if settings.dispatch_url is not None:
        receiver = receiver_of(settings.dispatch_url, settings.dispatch_secret)
    match settings.backend:
        case BackendAddress(kind="sqlite"):
            from mcp_handoff.sqlite.database import SqliteDatabase

            path = _place_of_store(settings.backend, makes=migrates)
            database = SqliteDatabase.open(path, read_only=settings.read_only, migrates=migrates)
        case BackendAddress(kind="postgresql", url=str(url)):
            with _driver_required():
                from mcp_handoff.postgres.database import PostgresDatabase
            database = PostgresDatabase.open(url, read_only=settings.read_only, migrates=migrates)
        case _:
            raise Misconfigured(_IS_API)
    return StoreBackend(database, receiver, checkout)


def look_at_schema(settings: Settings) -> "SchemaState | None":
    """Return the state of the store's schema, None for an API. Nothing is made or changed.

    Raises Misconfigured for a store that can't be used, BackendUnavailable where that may pass.
    """
    match settings.backend:
        case BackendAddress(kind="api"):
            return None
        case BackendAddress(kind="postgresql", url=str(url)):
            with _driver_required():
                from mcp_handoff.postgres.opening import state_of
            return state_of(url)
        case address:
            from mcp_handoff.sqlite import opening

            path = _place_of_store(address)
            if address.url is not None:  # the user's data directory is made with the store
                opening.require_place(path)
            return opening.state_of(path)


def file_of_store(settings: Settings, copies: Literal["into", "from"], file: Path) -> Path:
    """Return where the embedded store lies, whose content is copied into or from a file.

    Raises Misconfigured for every other backend; PostgreSQL has programs of its own for it.
    """
    match settings.backend:
        case BackendAddress(kind="sqlite"):
            return _place_of_store(settings.backend, makes=copies == "from")
        case BackendAddress(kind="postgresql", url=str(url)):
            with _driver_required():
                from mcp_handoff.postgres.dumps import dumping, restoring
            command = dumping(url, file) if copies == "into" else restoring(url, file)
            raise Misconfigured(f"PostgreSQL has a program of its own for this; run: {command}")
        case _:
            raise Misconfigured(_IS_API)


def copies_of_store(settings: Settings) -> list[Path]:
    """Return the copies of the embedded store that upgrades left beside it; of another backend
    there are none that we know of."""
    if settings.backend.kind != "sqlite":
        return []
    from mcp_handoff.sqlite.upgrades import copies_beside

    return copies_beside(_place_of_store(settings.backend))


async def agree_on_receiver(backend: Backend, settings: Settings) -> None:
    """Make BUILD_DISPATCH_URL the receiver of a store that has none yet; Misconfigured where the
    store has another one."""
    url, secret = settings.dispatch_url, settings.dispatch_secret
    if (url or secret) and isinstance(backend, Store) and not settings.read_only:
        require_same(await backend.claim_receiver(), url, secret)


async def claim_store(store: Store, settings: Settings) -> None:
    """Make sure that a store is HANDOFF_ORG's, which the first process to write in it makes it.

    Raises Misconfigured when it is another's.
    """
    known = await store.list_organizations()
    require_organization(settings.organization, known)
    if not known and not settings.read_only:
        await store.open_organization(settings.organization)
    if len(known) > 1:
        logger.warning(
            "this store holds the organizations %s from an older version: whoever may see all"
            " projects sees those of each",
            ", ".join(known),
        )


def open_dispatcher(store: Store, settings: Settings, public_url: str | None) -> "Dispatcher":
    """Return what sends the dispatches of a store: of builds where BUILD_DISPATCH_URL names who is
    told, and to webhooks. Reports reach us at `public_url`."""
    from mcp_handoff.dispatch.dispatcher import Dispatcher

    def open_sender() -> "Sender":
        from mcp_handoff.dispatch.endpoints import BuildEndpoint
        from mcp_handoff.dispatch.sender import Sender

        builds = None
        if settings.dispatch_url is not None:
            reports_to = f"{public_url.rstrip('/')}/api" if public_url else None
            builds = BuildEndpoint(settings.dispatch_url, settings.dispatch_secret, reports_to)
        return Sender(builds, desk=public_url, networks=settings.webhook_networks)

    return Dispatcher(store, open_sender, sends_builds=settings.dispatch_url is not None)


@asynccontextmanager
async def background_work(
    backend: Backend, settings: Settings, public_url: str | None
) -> AsyncGenerator[None]:
    """Do what a server does beside serving while this is entered: send the dispatches that become
    due, and see to the store's upkeep."""
    if not isinstance(backend, Store) or settings.read_only:
        yield
        return
    from mcp_handoff.upkeep import upkeep

    seen_to = upkeep(
        backend,
        UPKEEP_SECONDS,
        keep_keys_days=settings.keep_keys_days,
        build_timeout=settings.build_timeout,
    )
    async with open_dispatcher(backend, settings, public_url).running(), seen_to:
        yield


def describe_backend(settings: Settings) -> str:
    """Return what HANDOFF_BACKEND names, as a person reads it."""
    match settings.backend:
        case BackendAddress(kind="api", url=url):
            return f"API {url}"
        case BackendAddress(kind="postgresql", url=str(url)):
            with _driver_required():
                from mcp_handoff.postgres.opening import described
            return f"store {described(url)}"
        case address:
            return f"store {_place_of_store(address)}"


def _place_of_store(address: BackendAddress, *, makes: bool = False) -> Path:
    """Return where the embedded store lies: sqlite:////absolute, sqlite:///relative, or in the
    user's data directory, which whoever `makes` a store makes with it."""
    if address.url is not None:
        return Path(address.url.removeprefix("sqlite:///")).expanduser().absolute()
    directory = platformdirs.user_data_path("mcp-handoff")
    try:
        if makes:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise Misconfigured(
            f"{directory} can't be made; set HANDOFF_BACKEND=sqlite:///file instead."
        ) from None
    return directory / "handoff.db"


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
    from mcp_handoff.remote.remote_backend import RemoteBackend

    address = settings.backend.url or ""
    builds = settings.builds_api or f"{address.rstrip('/')}/v1"
    token = settings.builds_token
    if token is None and origin_of(builds) == origin_of(address):
        token = settings.api_token
    return RemoteBackend(ApiClient(address, settings.api_token), ApiClient(builds, token))
