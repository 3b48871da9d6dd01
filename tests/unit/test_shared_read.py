"""A read that many share who ask at the same time."""

import anyio
import pytest

from mcp_handoff.http.shared_read import SharedRead


class Reader:
    """Counts the reads that began, each of which ends when it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.let_go = anyio.Event()

    async def read(self) -> int:
        self.begun += 1
        number = self.begun
        await self.let_go.wait()
        if number == 3:
            raise LookupError
        return number


async def test_who_asks_during_a_read_shares_the_next_one_and_nobody_gets_an_older_one() -> None:
    reader, found = Reader(), dict[str, int]()
    shared = SharedRead(reader.read)

    async def ask(name: str) -> None:
        found[name] = await shared()

    async with anyio.create_task_group() as group:
        group.start_soon(ask, "first")
        while not reader.begun:
            await anyio.lowlevel.checkpoint()
        for number in range(60):
            group.start_soon(ask, f"during {number}")
        await anyio.wait_all_tasks_blocked()
        reader.let_go.set()
    assert found.pop("first") == 1
    assert set(found.values()) == {2}
    assert reader.begun == 2
    with pytest.raises(LookupError):
        await shared()
    assert await shared() == 4
