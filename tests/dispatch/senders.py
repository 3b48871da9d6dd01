"""Senders in processes of their own."""

import io
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import redirect_stdout
from ipaddress import IPv4Network
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import anyio

from mcp_handoff.cli.commands import main
from mcp_handoff.dispatch.dispatcher import Dispatcher
from mcp_handoff.dispatch.endpoints import BuildEndpoint
from mcp_handoff.dispatch.sender import Sender
from mcp_handoff.dispatches import Attempt, Destination, Dispatch
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from tests.forks import FORKS
from tests.mcp.wire import environment

Send = Callable[[Mapping[str, str]], None]


def sender(send: Send, store: Path, url: str) -> ForkServerProcess:
    """Start a process that sends what is due in a store."""
    process = FORKS.Process(target=send, args=(environment(store, BUILD_DISPATCH_URL=url),))
    process.start()
    return process


def dispatch(settings: Mapping[str, str]) -> None:
    """Run `mcp-handoff dispatch`."""
    os.environ.update(settings)
    with redirect_stdout(io.StringIO()):
        assert main(["dispatch"]) == 0


def dispatch_carelessly(settings: Mapping[str, str]) -> None:
    """Do that, but settle what was leased before it is sent."""
    anyio.run(_send_carelessly, settings)


async def _send_carelessly(settings: Mapping[str, str]) -> None:
    store = Path(settings["HANDOFF_BACKEND"].removeprefix("sqlite:///"))
    desk, url = _Careless(SqliteDatabase.open(store)), settings.get("BUILD_DISPATCH_URL")
    builds = BuildEndpoint(url) if url else None
    sending = Sender(builds, networks=[IPv4Network("127.0.0.0/8")])
    await Dispatcher(desk, lambda: sending, sends_builds=url is not None).send_due()
    await desk.close()


class _Careless(StoreBackend):
    async def lease_dispatch(self, busy: Collection[Destination] = (), /) -> Dispatch | None:
        dispatch = await super().lease_dispatch(busy)
        if dispatch is not None:
            await self.settle_dispatch(dispatch, Attempt())
        return dispatch
