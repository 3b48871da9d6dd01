"""Programs whose standard input is a terminal."""

import os
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def at_terminal(
    command: Sequence[str], environment: Mapping[str, str], directory: Path | None = None
) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command whose standard input is a terminal; yield it, and where one types."""
    terminal, inside = os.openpty()
    try:
        with subprocess.Popen(
            command,
            env=environment,
            cwd=directory,
            stdin=inside,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            yield process, terminal
    finally:
        os.close(terminal)
        os.close(inside)
