"""Clients' files as texts: what can be done with one, whatever its format, and what is wrong with
it."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import JsonValue

Path = Sequence[str | int]
"""Where in a document something is: names of members, and numbers of elements."""


class Syntax(Protocol):
    """How the texts of a format are read and edited: an edit leaves all else as it is, comments and
    order too. Each raises Unreadable."""

    def load(self, text: str) -> dict[str, JsonValue]:
        """Return what a text says; nothing for an empty one."""
        ...

    def put(self, text: str, path: Path, value: JsonValue) -> str:
        """Return the text with a value in this place: in the stead of what was there, else last,
        in objects that are made if they are not there."""
        ...

    def remove(self, text: str, path: Path) -> str:
        """Return the text without what is in this place, and without what then has nothing left in
        it."""
        ...


class Unreadable(Exception):
    """A text is not what it should be; `line` and `column`, from 1 on, say where."""

    def __init__(self, why: str, line: int, column: int) -> None:
        super().__init__(why)
        self.why = why
        self.line = line
        self.column = column


def place_of(text: str, at: int) -> tuple[int, int]:
    """Return line and column of a character, both from 1 on."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def nested(path: Path, value: JsonValue) -> JsonValue:
    """Return objects and lists in one another that hold a value in this place and nothing else."""
    for key in reversed(path):
        value = {key: value} if isinstance(key, str) else [value]
    return value
