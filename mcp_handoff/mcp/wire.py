"""The wire: stdin and stdout taken for the protocol alone, and read from the first moment on.

Little is imported, and nothing that is slow to load: see `mcp/first_answers.py`.
"""

import os
import threading
from collections.abc import Callable, Iterator

LINE_BYTES = 4 * 1024 * 1024
"""The longest line that is taken, as much as the SDK takes over HTTP."""

_LINES_AHEAD = 64
"""How many lines are read before the first of them is taken."""


class TooLong:
    """Stands for a line of more than LINE_BYTES."""


Line = bytes | TooLong


class Wire:
    """Reads lines in a thread of its own. Those that have an `answer` get it at once; the others
    wait in their order for whoever takes them over.

    The thread is a daemon, for it waits in read(2), which nothing can wake: a signal must be able
    to end the program while the client is silent.
    """

    def __init__(self, answer: Callable[[Line], bytes | None]) -> None:
        self._input, self.output = _claim_descriptors()
        self._answer = answer
        self._waiting: list[Line | None] = []
        self._take: Callable[[Line | None], None] | None = None
        self._taking = threading.Lock()
        self._ahead = threading.Semaphore(_LINES_AHEAD)
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def hand_to(self, take: Callable[[Line | None], None]) -> None:
        """Pass every line on from now on, those first that wait, None at the end. `take` runs in
        the thread that reads; for each line it has to call `taken` once that is dealt with."""
        with self._taking:
            for line in self._waiting:
                take(line)
            self._waiting.clear()
            self._take = take

    def taken(self) -> None:
        """Let one more line be read."""
        self._ahead.release()

    def _read(self) -> None:
        for line in split_lines(self._input):
            self._ahead.acquire()
            try:
                self._pass_on(line)
            except OSError:
                break  # nobody is there any more to ask for anything
        self._pass_on(None)

    def _pass_on(self, line: Line | None) -> None:
        with self._taking:
            if self._take is not None:
                self._take(line)
            elif line is not None and (answer := self._answer(line)):
                write_all(self.output, answer + b"\n")
                self.taken()
            else:
                self._waiting.append(line)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, however long that takes. Raises OSError when the reader has gone."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def split_lines(descriptor: int) -> Iterator[Line]:
    """Yield the lines of a file descriptor until its end; the last one needs no newline."""
    kept, too_long = b"", False
    while chunk := os.read(descriptor, 65_536):
        *lines, kept = (kept + chunk).split(b"\n")
        for line in lines:
            yield TooLong() if too_long or len(line) > LINE_BYTES else line
            too_long = False
        if len(kept) > LINE_BYTES:
            kept, too_long = b"", True
    if kept:
        yield kept


def _claim_descriptors() -> tuple[int, int]:
    """Return private descriptors of stdin and stdout.

    In their places stand the null device and stderr, so that a stray read or print of anyone's
    in this process can't touch the wire. Raises OSError where one of them is closed.
    """
    os.fstat(1)  # the first copy would take its number, if it were closed
    wire_in, wire_out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return wire_in, wire_out
