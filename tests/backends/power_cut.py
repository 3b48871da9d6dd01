"""A file system whose power can be cut.

`RecordingVfs` lets SQLite work on real files and records what it did to them; a `Disk` replays the
record up to a moment and gives what POSIX promises of the files after a power cut then: what was
synced, and of the rest nothing or any part. A file's name is promised only once its directory was
synced, which SQLite does with the first sync of a journal or WAL that it opened
(https://sqlite.org/src/file/src/os_unix.c, UNIXFILE_DIRSYNC).
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import apsw

SECTOR = 512
"""The bytes that a disk writes whole."""

REAL = "unix"
"""The file system beneath, as SQLite names it."""

JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL


@dataclass(frozen=True, slots=True)
class Opened:
    """A file was opened, and made if it was not there."""

    name: str


@dataclass(frozen=True, slots=True)
class Written:
    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    """A file reached the disk, and with `directory` the names of all files did."""

    name: str
    directory: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    name: str
    directory: bool


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A caller was told that its write is durable."""

    what: dict[str, Any]


Change: TypeAlias = Written | Truncated
Happening: TypeAlias = Opened | Change | Synced | Deleted | Acknowledged


class RecordingVfs(apsw.VFS):
    """The file system of every connection opened after it."""

    def __init__(self, record: list[Happening]) -> None:
        self._record = record
        super().__init__("recording", REAL, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        if flags[0] & apsw.SQLITE_OPEN_CREATE:
            self._record.append(Opened(_base(name)))
        return _RecordingFile(self._record, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's name
        super().xDelete(filename, syncdir)
        self._record.append(Deleted(_base(filename), syncdir))


class _RecordingFile(apsw.VFSFile):
    def __init__(
        self, record: list[Happening], name: str | apsw.URIFilename | None, flags: list[int]
    ) -> None:
        self._record = record
        self._name = _base(name)
        self._read_only = bool(flags[0] & apsw.SQLITE_OPEN_READONLY)
        self._unsynced_name = bool(flags[0] & JOURNALS)
        super().__init__(REAL, name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's name
        super().xWrite(data, offset)  # pyright: ignore[reportUnknownMemberType] - its stub names a type that Python 3.11 has not
        self._record.append(Written(self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        super().xTruncate(newsize)
        self._record.append(Truncated(self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        super().xSync(flags)
        self._record.append(Synced(self._name, self._unsynced_name))
        self._unsynced_name = False

    def xLock(self, level: int) -> None:  # noqa: N802 - SQLite's name
        # A reader that closes tries to lock what it may not write; SQLite means this to fail, but
        # apsw would make an error of it.
        if self._read_only and level > apsw.SQLITE_LOCK_SHARED:
            raise apsw.BusyError
        super().xLock(level)


@dataclass(slots=True)
class _File:
    synced: bytearray = field(default_factory=bytearray)
    unsynced: list[Change] = field(default_factory=list[Change])

    def sync(self) -> None:
        for change in self.unsynced:
            _apply(change, self.synced)
        self.unsynced.clear()

    def after_cut(self, dice: random.Random | None) -> bytes:
        content = bytearray(self.synced)
        if dice:
            for change in self.unsynced:
                _apply_in_part(change, content, dice)
        return bytes(content)


class Disk:
    """What is on the disk for certain, and what is only on its way there."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        self._synced_names: dict[str, _File] = {}

    def replay(self, happenings: Iterable[Happening]) -> None:
        for happening in happenings:
            self._happen(happening)

    def restore(self, directory: Path, dice: random.Random | None = None) -> None:
        """Write the files as they are after a power cut: without all that was not synced, or, with
        `dice`, with a random part of it."""
        for name in sorted(self._names | self._synced_names):
            file = self._names.get(name) if dice and _heads(dice) else self._synced_names.get(name)
            if file is not None:
                (directory / name).write_bytes(file.after_cut(dice))

    def _happen(self, happening: Happening) -> None:
        match happening:
            case Opened(name):
                self._names.setdefault(name, _File())
            case Written(name) | Truncated(name):
                self._names[name].unsynced.append(happening)
            case Synced(name, directory):
                self._names[name].sync()
                self._sync_names(directory)
            case Deleted(name, directory):
                del self._names[name]
                self._sync_names(directory)
            case Acknowledged():
                pass

    def _sync_names(self, directory: bool) -> None:
        if directory:
            self._synced_names = dict(self._names)


def _apply_in_part(change: Change, content: bytearray, dice: random.Random) -> None:
    """Apply the change whole, not at all or, a write, up to some sector."""
    fate = dice.randrange(3)
    if fate == 0 or (fate == 1 and isinstance(change, Truncated)):
        _apply(change, content)
    elif fate == 1 and isinstance(change, Written):
        sectors = dice.randrange(len(change.data) // SECTOR + 1)
        _apply(Written(change.name, change.offset, change.data[: sectors * SECTOR]), content)


def _apply(change: Change, content: bytearray) -> None:
    if isinstance(change, Truncated):
        del content[change.size :]
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data


def _heads(dice: random.Random) -> bool:
    return dice.random() < 0.5


def _base(name: str | apsw.URIFilename | None) -> str:
    path = name.filename() if isinstance(name, apsw.URIFilename) else name
    assert path is not None, "the store keeps its temporary tables in memory"
    return Path(path).name
