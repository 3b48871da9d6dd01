"""A replica that is killed, cut off from its database and told the wrong time while it serves."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Self

from tests.faults.preload import built
from tests.http.served import Served


class Replica:
    """A server on a PostgreSQL. `url` is where it is reached, None while it is down."""

    def __init__(self, directory: Path, database: str, wrong_by: timedelta) -> None:
        directory.mkdir()
        self._clock = directory / "clock"
        self.set_clock(wrong_by)
        self._serve = partial(
            Served,
            directory / "unused.db",
            HANDOFF_BACKEND=database,
            HANDOFF_RATE_LIMIT="0",
            HANDOFF_LOG_LEVEL="ERROR",  # what nobody reads must fit in a pipe
            LD_PRELOAD=str(built("wrong_clock", directory)),
            WRONG_CLOCK=str(self._clock),
        )
        self.url: str | None = None

    @classmethod
    @asynccontextmanager
    async def started(
        cls, directory: Path, database: str, wrong_by: timedelta
    ) -> AsyncGenerator[Self]:
        """Start one whose clock is wrong by so much; kill it in the end."""
        replica = cls(directory, database, wrong_by)
        await replica.start()
        try:
            said = await asyncio.to_thread(replica._served.http.get, "/healthz")
            right = parsedate_to_datetime(said.headers["date"]) - wrong_by
            assert abs(right - datetime.now(UTC)) < timedelta(minutes=5)
            yield replica
        finally:
            await replica.kill()

    async def start(self) -> None:
        self._served = await asyncio.to_thread(self._serve)
        self.url = self._served.url

    async def kill(self) -> None:
        self.url = None
        with self._served:
            self._served.process.kill()

    def set_clock(self, wrong_by: timedelta) -> None:
        """Set its clock wrong by so much, from this moment on."""
        self._clock.touch()
        with self._clock.open("r+b") as clock:
            clock.write(int(wrong_by.total_seconds()).to_bytes(8, "little", signed=True))
