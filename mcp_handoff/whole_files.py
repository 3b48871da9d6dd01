"""Files that are there as a whole or not at all."""

import fcntl
import os
import shlex
from collections.abc import Generator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from mcp_handoff.endings import UNFINISHED
from mcp_handoff.errors import AlreadyExists, BackendUnavailable, NotFound, ValidationFailed
from mcp_handoff.text.characters import visible

_MARK = ".part-"
"""What a folder's name has between that of the file that is made in it and eight random letters."""


@contextmanager
def whole_file(target: Path) -> Generator[Path]:
    """Yield the path of an empty file of its owner's alone. It becomes the target when the block
    ends well, once it is on the disk; else nothing is left of it, or where the process was killed
    the next call for this target removes it.

    Raises AlreadyExists where there is a target, also one that was made meanwhile, and NotFound
    without its directory.
    """
    if os.path.lexists(target):
        raise _taken(target)
    if not target.parent.is_dir():
        raise NotFound(f"There is no directory {shown(target.parent)}; make it first.")
    remove_unfinished(target.parent, escape(target.name))
    with _folder_beside(target) as folder:
        file = folder / target.name
        file.touch(mode=0o600, exist_ok=False)
        yield file
        _sync(file)
        _give_name(file, target)


def remove_unfinished(directory: Path, names: str) -> None:
    """Remove what processes that were killed left of files whose names match this pattern; what is
    still being made stays."""
    for folder in directory.glob(f".{names}{_MARK}????????"):
        with suppress(OSError):  # it is another user's, or gone by now
            if any(folder.iterdir()):  # else it may be about to be locked
                with _locked(folder) as is_locked:
                    if is_locked:
                        rmtree(folder)


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


@contextmanager
def _folder_beside(target: Path) -> Generator[Path]:
    """Yield a folder that is locked meanwhile and removed in the end, also where that is sudden."""
    made = TemporaryDirectory(prefix=f".{target.name}{_MARK}", dir=target.parent)
    UNFINISHED.add(made.cleanup)
    try:
        with made, _locked(Path(made.name)):
            yield Path(made.name)
    finally:
        UNFINISHED.discard(made.cleanup)


@contextmanager
def _locked(folder: Path) -> Generator[bool]:
    """Lock a folder as long as this process goes on; yield whether that was possible, for another
    may keep it locked, and some file systems lock nothing."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


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
