"""The versions of a store's schema: which steps lead to them, and which programs they serve."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_handoff.errors import Misconfigured, NotFound

COMPATIBLE = "-- compatible:"
"""How a step begins that programs of the version before it need not know of: it adds what they
neither write nor have to."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema of a store: its `version`, 0 where there is nothing yet, and that of this program,
    `newest`. `journal_mode` is SQLite's."""

    version: int
    newest: int
    journal_mode: str | None = None

    @property
    def is_current(self) -> bool:
        """Whether this program can use the store as it is."""
        return self.version >= self.newest


def served_from(steps: Sequence[Path]) -> int:
    """Return the oldest version whose programs can use a store that these steps led to."""
    texts = [step.read_text() for step in steps]
    return max(place for place, text in enumerate(texts, 1) if not text.startswith(COMPATIBLE))


def require_served(name: str, version: int, serves_from: int | None, newest: int) -> None:
    """Refuse a store of a newer version unless it says that it serves this one (Misconfigured)."""
    if serves_from is None or serves_from > newest:
        raise Misconfigured(
            f"{name} was written by a newer mcp-handoff (schema {version}, this one knows"
            f" {newest}); update mcp-handoff."
        )


def require_ready(name: str, newest: int, version: int, *, read_only: bool, migrates: bool) -> None:
    """Refuse a store that others have to make or to bring up to date, for a server is `read_only`,
    or a command that only reads neither makes nor `migrates` one.

    Raises Misconfigured for an old one and where a server finds none, NotFound where a command
    does.
    """
    if version >= newest or (migrates and not read_only):
        return
    if version:
        raise Misconfigured(
            f"{name} is from an older mcp-handoff (schema {version}, this one's is {newest}), and"
            " what only reads does not change that: mcp-handoff serve, or a client over stdio,"
            " brings it up to date."
        )
    if migrates:
        raise Misconfigured(
            f"There is no store in {name}, and a read-only server does not make it."
        )
    raise NotFound(
        f"There is no store in {name}, and what only reads makes none: set HANDOFF_BACKEND to where"
        " it is. mcp-handoff serve, or a client over stdio, makes a new one."
    )
