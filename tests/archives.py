"""Archives of stores, and the way into stores and out of them."""

import json
from pathlib import Path
from typing import Any

import anyio

from mcp_handoff.actors import Caller, bot
from mcp_handoff.archives.archive import Outcome
from mcp_handoff.archives.files import ArchiveFile
from mcp_handoff.progress import untold
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tokens import CreateToken
from tests import requests
from tests.databases import open_database
from tests.http.served import OPERATOR


def small_archive(directory: Path) -> Path:
    """Return the archive of a store of two projects, small.db, in this directory."""
    store, file = directory / "small.db", directory / "small.jsonl"
    anyio.run(file_two, store)
    file.write_text(anyio.run(exported, store))
    return file


async def file_two(store: Path) -> None:
    backend = StoreBackend(open_database(str(store)))
    for project in ("shop", "quinces"):
        caller = Caller(bot("agent-1"), project=project)
        await backend.create_ticket(caller, requests.create_ticket())
    await backend.create_token(OPERATOR, CreateToken(name="ci", role="bot"))
    await backend.close()


async def exported(name: str | Path) -> str:
    """Return a store as an archive."""
    backend = StoreBackend(open_database(str(name), read_only=True))
    lines: list[str] = []
    await backend.export_archive(lines.append, untold)
    await backend.close()
    return "".join(lines)


async def imported(name: str | Path, file: Path, *, dry_run: bool = False) -> Outcome:
    backend = StoreBackend(open_database(str(name)))
    try:
        return await backend.import_archive(ArchiveFile(file), untold, dry_run=dry_run)
    finally:
        await backend.close()


def lines_of(archive: str) -> list[str]:
    """Return the lines of an archive; others than JSON's end lines with other characters too."""
    return archive.split("\n")[:-1]


def rows_in(archive: str) -> int:
    return len(lines_of(archive)) - 2


def change(file: Path, kind: str, /, **fields: Any) -> int:
    """Change the first row of this kind in an archive; return the number of its line."""
    lines = file.read_text().splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if f'{{"row":"{kind}",' in line)
    lines[place] = _line({**json.loads(lines[place]), **fields})
    file.write_text("".join(lines))
    return place + 1


def add_twin(file: Path, kind: str, /, **fields: Any) -> None:
    """Add another row like the first one of this kind to an archive."""
    lines = file.read_text().splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if f'{{"row":"{kind}",' in line)
    told = json.loads(lines[place]) | {"id": "01900000-0000-7000-8000-000000000000", **fields}
    lines[-1] = f'{{"row":"end","rows":{len(lines) - 1}}}\n'
    lines.insert(place + 1, _line({name: told[name] for name in told if told[name] is not None}))
    file.write_text("".join(lines))


def _line(fields: dict[str, Any]) -> str:
    return f"{json.dumps(fields, separators=(',', ':'))}\n"
