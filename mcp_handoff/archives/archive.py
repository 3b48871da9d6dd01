"""What an archive is made of, and what a store does with one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_handoff.progress import Progress

FORMAT = 1
"""Which archives this version writes, and the newest that it reads."""

ROW = "row"
"""The field of a line that says what kind of row it is."""

END = "end"
"""The kind of the last line, which says how many rows came before it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row as an archive has it: which line it is, how many bytes were read with it, what kind of
    row it is, and its fields that are not null."""

    number: int
    bytes_read: int
    kind: str
    fields: Mapping[str, Any]


class Archive(Protocol):
    """An archive of so many bytes; each iteration reads it anew, line by line."""

    @property
    def size(self) -> int: ...

    def __iter__(self) -> Iterator[Line]: ...


LISTED = 100
"""How many problems of what does not fit are kept, the first ones."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or would do: how many rows of which kind are new, how many were there
    already, and what does not fit and why. Where anything does not fit, nothing was imported.

    `differing` are the references of tickets that were there and are otherwise where they came
    from, by how they are.
    """

    added: Mapping[str, int]
    present: int
    problems: Sequence[str] = field(default_factory=tuple[str, ...])
    more_problems: int = 0
    differing: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


class Undone(Exception):
    """Nothing was imported: `outcome` says what would have been, and what does not fit."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("nothing was imported")
        self.outcome = outcome


class ArchiveOperations(Protocol):
    """What a store does with archives."""

    async def export_archive(self, write: Callable[[str], object], progress: Progress, /) -> int:
        """Write all that is in the store, as it is at one moment, line by line; return how many
        rows that were. Equal stores give equal lines, whatever databases they are in."""
        ...

    async def import_archive(
        self, archive: Archive, progress: Progress, /, *, dry_run: bool
    ) -> Outcome:
        """Take in all rows of an archive that are not there yet, or none of them where one does not
        fit, or `dry_run` says that it is only tried."""
        ...
