"""The API as the contract suite has it: a process, and a backend that speaks to it."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.errors import AlreadyExists
from mcp_handoff.projects import CreateProject
from mcp_handoff.redactions import RedactedTicket, RedactTicket
from mcp_handoff.remote.client import ApiClient
from mcp_handoff.remote.remote_backend import RemoteBackend
from tests.mcp.wire import TIMEOUT, bounded

_ADMIN = Caller(Actor(role="user", source="portal", id="admin"))


class ApiProcess:
    """Serves one store at a time."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.contract.api_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=TIMEOUT)

    def tell(self, command: str, **arguments: Any) -> Any:
        """Return the answer to a command."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with bounded(self._process):
            line = json.dumps({"command": command, **arguments})
            print(line, file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())


class RemoteClock:
    """Moves the clock of the served store."""

    def __init__(self, process: ApiProcess) -> None:
        self._process = process

    def advance(self, **amount: float) -> None:
        self._process.tell("advance", **amount)


class ByToken:
    """A Backend in which each caller has a token of its own and a project that is there: over an
    API, who acts is what the token says, and no project starts by itself."""

    def __init__(self, process: ApiProcess, store: Path) -> None:
        self._process = process
        self._url: str = process.tell("serve", store=str(store))
        self._admin = self._connect("admin", "admin")
        self._backends: dict[Actor, RemoteBackend] = {}
        self._projects: set[str] = set()
        self._starting = anyio.Lock()

    def __getattr__(self, operation: str) -> Any:
        async def act(caller: Caller, request: Any) -> Any:
            await self._start(caller.project)
            return await getattr(self.of(caller.actor), operation)(caller, request)

        return act

    async def redact_ticket(self, caller: Caller, request: RedactTicket) -> RedactedTicket:
        """Do what admins alone may."""
        await self._start(caller.project)
        return await self._admin.redact_ticket(replace(_ADMIN, project=caller.project), request)

    async def close(self) -> None:
        for backend in [self._admin, *self._backends.values()]:
            await backend.close()
        self._process.tell("close")

    def of(self, actor: Actor) -> RemoteBackend:
        """Return the backend of an actor, by a token of its own."""
        if actor not in self._backends:
            self._backends[actor] = self._connect(actor.id or "nobody", actor.role)
        return self._backends[actor]

    def _connect(self, name: str, role: str) -> RemoteBackend:
        token = self._process.tell("token", name=name, role=role)
        return RemoteBackend(ApiClient(self._url, token), ApiClient(f"{self._url}/v1", token))

    async def _start(self, project: str) -> None:
        async with self._starting:
            if project not in self._projects:
                with suppress(AlreadyExists):
                    await self._admin.create_project(_ADMIN, CreateProject(name=project))
                self._projects.add(project)
