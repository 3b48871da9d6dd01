"""Files that are there as a whole or not at all."""

import os
import shlex
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mcp_handoff.errors import AlreadyExists, BackendUnavailable, NotFound, ValidationFailed
from mcp_handoff.text.characters import visible


@contextmanager
def whole_file(target: Path) -> Generator[Path]:
    """Yield the path of an empty file of its owner's alone. It becomes the target when the block
    ends well, once it is on the disk; else nothing is left of it.

    Raises AlreadyExists where there is a target, also one that was made meanwhile, and NotFound
    without its directory.
    """
    if os.path.lexists(target):
        raise _taken(target)
    if not target.parent.is_dir():
        raise NotFound(f"There is no directory {shown(target.parent)}; make it first.")
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
        file = Path(beside) / target.name
        file.touch(mode=0o600, exist_ok=False)
        yield file
        _sync(file)
        _give_name(file, target)


@contextmanager
def disk_failures_told(what: str) -> Generator[None]:
    """Raise BackendUnavailable where the disk fails: it says what can't be done, and why."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read what was written has gone
    except OSError as error:
        raise BackendUnavailable(f"{what}: {error.strerror}.") from error


def require_file(path: Path) -> None:
    """Raise NotFound where there is no file, and ValidationFailed for what is none."""
    if not path.exists():
        raise NotFound(f"There is no file {shown(path)}.")
    if not path.is_file():
        raise ValidationFailed(f"{shown(path)} is not a file.")


def shown(path: Path) -> str:
    """Return a path as a person reads it, and a shell."""
    return visible(shlex.quote(str(path)))


def _give_name(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except FileExistsError:
        raise _taken(target) from None
    except OSError:  # this file system has no links
        if os.path.lexists(target):
            raise _taken(target) from None
        file.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _taken(target: Path) -> AlreadyExists:
    return AlreadyExists(f"{shown(target)} exists and is not overwritten; move it away first.")
