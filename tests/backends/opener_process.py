"""A process that opens a store with no power over the permissions of files, even as root.

Called with the store and `write` or `read`; answers with the number of its tickets or the error.
"""

import asyncio
import ctypes
import json
import os
import sys
from pathlib import Path

from mcp_handoff.errors import HandoffError
from mcp_handoff.sqlite.database import SqliteDatabase
from tests.backends.wording import assert_own_words

CAPABILITIES_VERSION = 0x20080522


def give_up_privileges() -> None:
    """Drop every capability of root (man 2 capset)."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
        none = (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset(header, none) == 0


async def count(store: Path, mode: str) -> int:
    database = SqliteDatabase.open(store, read_only=mode == "read")
    rows = await database.read(lambda tx: tx.fetch_all("SELECT id FROM tickets"))
    await database.close()
    return len(rows)


def main(store: Path, mode: str) -> None:
    give_up_privileges()
    try:
        answer = {"tickets": asyncio.run(count(store, mode))}
    except HandoffError as error:
        assert_own_words(error)
        answer = {"error": error.code, "message": error.message}
    print(json.dumps(answer))  # noqa: T201 - this is how it speaks


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
