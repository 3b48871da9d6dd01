"""Files that belong to somebody else's program: read as they are, replaced whole or not at all."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

_BOM = "\ufeff"


class ChangedMeanwhile(Exception):
    """Another program wrote into the file since it was read."""


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A file as it was read; `text` is None when there was none."""

    path: Path
    raw: bytes | None

    @classmethod
    def read(cls, path: Path) -> "ClientFile":
        """Read a file, or what a link leads to. Raises OSError."""
        target = path.resolve()
        try:
            return cls(target, target.read_bytes())
        except FileNotFoundError:
            return cls(target, None)

    @property
    def text(self) -> str:
        """What it says, without a byte order mark. Raises UnicodeDecodeError."""
        return (self.raw or b"").decode().removeprefix(_BOM)

    def replace(self, text: str) -> None:
        """Write another text in its stead, at once and with the same permissions. Raises OSError,
        ChangedMeanwhile."""
        mark = _BOM if (self.raw or b"").startswith(_BOM.encode()) else ""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.{uuid4().hex}")
        try:
            self._write(beside, (mark + text).encode())
            self._check()
            beside.replace(self.path)
        except BaseException:
            with suppress(FileNotFoundError):
                beside.unlink()
            raise

    def delete(self) -> None:
        """Delete it. Raises OSError, ChangedMeanwhile."""
        self._check()
        self.path.unlink()

    def _write(self, path: Path, content: bytes) -> None:
        mode = None if self.raw is None else stat.S_IMODE(self.path.stat().st_mode)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        # What others may not read they may not read meanwhile either.
        with os.fdopen(os.open(path, flags, 0o666 if mode is None else 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            path.chmod(mode)

    def _check(self) -> None:
        if ClientFile.read(self.path).raw != self.raw:
            raise ChangedMeanwhile
