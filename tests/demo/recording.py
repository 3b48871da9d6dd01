"""A command as it runs in a terminal: what it shows, and when."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import pyte
from pyte.screens import Char

COLUMNS = 100
MOST_LINES = 400
"""How long the terminal is: nothing scrolls out of it before the picture lets it."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is shown."""

    colour: str
    bold: bool
    underlined: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A text in one style, from a column on."""

    column: int
    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the terminal; `at` is when it was finished, in seconds from the start."""

    at: float
    runs: tuple[Run, ...]

    @property
    def text(self) -> str:
        return "".join(" " * (run.column - at) + run.text for at, run in self._placed())

    def _placed(self) -> Iterator[tuple[int, Run]]:
        end = 0
        for run in self.runs:
            yield end, run
            end = run.column + len(run.text)


def record(command: Sequence[str]) -> list[Line]:
    """Run a command in a pseudo-terminal and return the lines that it shows.

    Raises CalledProcessError if it fails.
    """
    screen = pyte.Screen(COLUMNS, MOST_LINES)
    stream = pyte.ByteStream(screen)
    finished: list[float] = []
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", MOST_LINES, COLUMNS, 0, 0))
    # These would have a program think of another terminal than this one.
    others = {"NO_COLOR", "COLUMNS", "LINES"}
    environment = {name: value for name, value in os.environ.items() if name not in others}
    environment["TERM"] = "xterm-256color"
    begun = time.monotonic()
    with subprocess.Popen(command, stdin=inside, stdout=inside, env=environment) as process:
        os.close(inside)
        for chunk in _chunks(terminal):
            stream.feed(chunk)
            passed = time.monotonic() - begun
            finished += [passed] * (screen.cursor.y - len(finished))
    os.close(terminal)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return [Line(at, tuple(_runs(screen, row))) for row, at in enumerate(finished)]


def _chunks(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # EIO is how Linux says that nobody holds the other end any more
            return
        if not chunk:
            return
        yield chunk


def _runs(screen: pyte.Screen, row: int) -> Iterator[Run]:
    cells = [screen.buffer[row][column] for column in range(COLUMNS)]
    column = 0
    for style, group in groupby(cells, key=_style):
        text = "".join(cell.data for cell in group)
        if text.strip():
            indent = len(text) - len(text.lstrip())
            yield Run(column + indent, text.strip(), style)
        column += len(text)


def _style(cell: Char) -> Style:
    return Style(cell.fg, cell.bold, cell.underscore)
