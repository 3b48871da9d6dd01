"""Processes that do the same at the same moment."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from tests.backends.children import Child, children
from tests.backends.racer_process import READY, Answer

SECONDS = 120


@asynccontextmanager
async def racers(count: int, store: Path | str | None = None) -> AsyncGenerator[Sequence[Child]]:
    """Start processes that wait at the barrier, with `store` open where it is given."""
    with anyio.fail_after(SECONDS):
        async with children(count, "racer_process") as rivals:
            assert [await rival.line() for rival in rivals] == [READY] * count
            for rival in rivals if store else ():
                await rival.tell(f"open {store}")
                assert "opened" in json.loads(await rival.line())
            yield rivals


async def told_at_once(rivals: Sequence[Child], line: str) -> list[Answer]:
    for rival in rivals:
        await rival.tell(line)
    return [json.loads(await rival.line()) for rival in rivals]
