"""Serves a store over REST, a fresh one when told so, on a clock that moves when it is told to.

Each line of stdin is a command, each line of stdout its result, both JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.abc

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.config import read_settings
from mcp_handoff.http.allowlist import Allowlist
from mcp_handoff.http.application import Access, create_application
from mcp_handoff.http.credentials import Credentials
from mcp_handoff.http.serving import Server, listen
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from mcp_handoff.tokens import CreateToken
from tests.clock import SteppedClock

_ADMIN = Caller(Actor(role="user", source="cli"))


class ServedStore:
    """One store, served until it is closed."""

    def __init__(self, store: str) -> None:
        self._clock = SteppedClock()
        self._backend = StoreBackend(
            SqliteDatabase.open(Path(store), clock=self._clock),
        )
        self._socket = listen("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/api"
        access = Access(Allowlist(["127.0.0.1:*"], []), [], Credentials(self._backend, None), None)
        settings = read_settings({"HANDOFF_RATE_LIMIT": "0"})
        self._application = create_application(self._backend, settings, access)
        self._server = Server(self._application)

    async def serve(self) -> None:
        async with self._application.sessions():
            await self._server.serve([self._socket])
        await self._backend.close()

    def advance(self, **amount: float) -> None:
        self._clock.advance(**amount)

    async def token(self, name: str, role: str) -> str:
        request = CreateToken.model_validate({"name": name, "role": role})
        return (await self._backend.create_token(_ADMIN, request)).secret

    def close(self) -> None:
        self._server.should_exit = True


class Process:
    """Obeys the commands."""

    def __init__(self, group: anyio.abc.TaskGroup) -> None:
        self._group = group
        self._served: ServedStore | None = None

    async def obey(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "serve":
            self._served = ServedStore(**arguments)
            self._group.start_soon(self._served.serve)
            return self._served.url
        assert self._served is not None
        if name == "token":
            return await self._served.token(**arguments)
        return getattr(self._served, name)(**arguments)


async def main() -> None:
    async with anyio.create_task_group() as group:
        process = Process(group)
        async for line in anyio.wrap_file(sys.stdin):
            command = json.loads(line)
            answer = await process.obey(command.pop("command"), command)
            sys.stdout.write(f"{json.dumps(answer)}\n")
            sys.stdout.flush()
        group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main)
