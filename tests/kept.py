"""What takes long to make and is kept from one run of the tests to the next."""

import fcntl
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path


def kept_folder(folder: Path, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """Return a folder that `make` fills from these sources: once for all test processes, and anew
    when one of them is another."""
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    with folder.with_suffix(".lock").open("a") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        made = folder / "made"
        if not made.exists() or made.read_text() != digest:
            made.unlink(missing_ok=True)
            make(folder)
            made.write_text(digest)
    return folder
