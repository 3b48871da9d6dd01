"""The versions of a store's schema: which steps lead to them, and which programs they serve."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_handoff.errors import Misconfigured

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


def outdated(name: str, version: int, newest: int) -> Misconfigured:
    """Return what stops a program that may not bring a store up to date."""
    return Misconfigured(
        f"{name} is from an older mcp-handoff (schema {version}, this one's is {newest}), and what"
        " only reads does not change that: mcp-handoff serve, or a client over stdio, brings it up"
        " to date."
    )
