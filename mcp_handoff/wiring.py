"""From settings to a backend: the one place that sees both sides."""

from pathlib import Path

import platformdirs

from mcp_handoff.backend import Store
from mcp_handoff.config import Settings
from mcp_handoff.errors import Misconfigured
from mcp_handoff.text import shortened, visible

_SQLITE = "sqlite:///"


def open_backend(settings: Settings) -> Store:
    """Open the backend that HANDOFF_BACKEND names; Misconfigured when it can't be used."""
    return _open_store(store_path(settings), settings)


def store_path(settings: Settings) -> Path:
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
            " (sqlite:////absolute/path for one that is not relative)."
        )
    return Path(settings.backend.removeprefix(_SQLITE)).expanduser().absolute()


def _open_store(path: Path, settings: Settings) -> Store:
    from mcp_handoff.backends.sqlite import SqliteDatabase
    from mcp_handoff.backends.store.backend import StoreBackend

    database = SqliteDatabase.open(path, read_only=settings.read_only)
    return StoreBackend(database, dispatching=settings.dispatch_url is not None)


def _make_private(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise Misconfigured(
            f"{directory} can't be made; set HANDOFF_BACKEND=sqlite:///file instead."
        ) from None
