"""A store has one receiver: who sends to another is told, and what has nobody to tell waits."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.backend import Store
from mcp_handoff.errors import Misconfigured
from mcp_handoff.mcp.answers import Reader
from mcp_handoff.mcp.tools.builds import TRIGGER_BOT_BUILD
from mcp_handoff.receivers import NOBODY, SetReceiver, receiver_of, require_same
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.clock import SteppedClock
from tests.databases import EVERY_DATABASE, in_store, open_database
from tests.dispatch.receiver import Receiver
from tests.dispatch.test_dispatch import SECRET, run_of, to, trigger
from tests.http.served import Served, command
from tests.mcp.wire import Wire, environment

OPERATOR = Caller(Actor(role="user", source="cli"))
URL, OTHER_URL = "https://ci.example/hook?key=hook-password", "https://other.example/hook"
OTHER_SECRET = SECRET[:-4] + "AAAA"


@pytest.fixture(params=EVERY_DATABASE)
async def process(
    request: pytest.FixtureRequest, clock: SteppedClock
) -> AsyncIterator[Callable[[str], StoreBackend]]:
    """Another process on one store, by the address that it sends to."""
    name = str(request.getfixturevalue(request.param))
    opened = list[StoreBackend]()

    def open_process(url: str) -> StoreBackend:
        database = open_database(name, clock=clock)
        opened.append(StoreBackend(database, receiver_of(url, SECRET) if url else None))
        return opened[-1]

    yield open_process
    for one in opened:
        await one.close()


async def test_a_run_that_has_nobody_to_tell_says_so_and_is_sent_once_there_is_somebody(
    desk: Store, caller: Caller
) -> None:
    await desk.create_ticket(caller, requests.create_ticket())
    triggered = await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
    assert TRIGGER_BOT_BUILD.tell(triggered, Reader("shop")).waits == NOBODY
    assert (await run_of(desk, caller)).last_error == NOBODY
    with Receiver() as receiver:
        await desk.set_receiver(OPERATOR, SetReceiver(url=receiver.url))
        waiting = await run_of(desk, caller)
        assert (waiting.last_error, waiting.next_attempt_at) == (None, "2026-11-02T09:30:00.000Z")
        again = await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
        assert TRIGGER_BOT_BUILD.tell(again, Reader("shop")).waits is None
        await to(receiver, desk).send_due()
    assert receiver.ids() == [waiting.id]
    assert (await run_of(desk, caller)).status == "dispatched"


async def test_of_two_processes_that_send_elsewhere_the_stores_receiver_decides(
    process: Callable[[str], StoreBackend], caller: Caller
) -> None:
    ours, others, silent = process(URL), process(OTHER_URL), process("")
    for one in (ours, others):
        assert await one.claim_receiver() == await silent.claim_receiver()
    await trigger(silent, caller)
    assert not await others.is_dispatch_due()
    assert await others.lease_dispatch() is None
    await silent.set_receiver(OPERATOR, SetReceiver(url=OTHER_URL, secret=SECRET))
    assert not await ours.is_dispatch_due()
    assert await ours.lease_dispatch() is None
    assert await others.lease_dispatch() is not None


def test_what_a_process_without_an_address_triggers_is_sent_by_one_that_has_it(
    store: Path, caller: Caller
) -> None:
    with Receiver() as receiver, Served(store, BUILD_DISPATCH_URL=receiver.url):
        receiver.of_run(in_store(store, lambda opened: trigger(opened, caller)))


@pytest.mark.parametrize(
    ("named", "url", "secret"),
    [
        ("BUILD_DISPATCH_URL", OTHER_URL, SECRET),
        ("BUILD_DISPATCH_SECRET", URL, None),
        ("BUILD_DISPATCH_SECRET", URL, OTHER_SECRET),
        ("BUILD_DISPATCH_SECRET", None, OTHER_SECRET),
    ],
)
def test_another_address_and_another_secret_are_told_apart(
    named: str, url: str | None, secret: str | None
) -> None:
    known = receiver_of(URL, SECRET)
    require_same(known, URL, SECRET)
    require_same(known, None, SECRET)
    require_same(known, None, None)
    with pytest.raises(Misconfigured, match=f"^{named} .*mcp-handoff receiver set"):
        require_same(known, url, secret)


@pytest.mark.parametrize("start", ["serve", "stdio", "dispatch"])
def test_a_process_that_disagrees_with_its_store_is_told_so_in_one_line(
    store: Path, start: str
) -> None:
    made = SetReceiver(url=URL, secret=SECRET)
    in_store(store, lambda opened: opened.set_receiver(OPERATOR, made))
    if start == "stdio":
        with Wire(environment(store, BUILD_DISPATCH_URL=OTHER_URL)) as wire:
            _, errors, status = wire.finish()
    else:
        port = ["--port", "0"] if start == "serve" else []
        refused = command(store, start, *port, BUILD_DISPATCH_URL=OTHER_URL)
        errors, status = refused.stderr, refused.returncode
    [line] = errors.splitlines()
    assert (status, line.startswith("mcp-handoff: BUILD_DISPATCH_URL")) == (2, True)
    assert "https://ci.example, set at 20" in line


def test_the_receiver_is_changed_on_purpose_and_shown_without_what_may_be_secret(
    store: Path,
) -> None:
    assert command(store, "project", "create", "Shop").returncode == 0
    assert command(store, "receiver", "show").stdout == f"{NOBODY}\n"
    assert command(store, "receiver", "set").returncode == 2
    told = {"BUILD_DISPATCH_URL": URL, "BUILD_DISPATCH_SECRET": SECRET}
    changed = command(store, "receiver", "set", **told)
    shown = command(store, "receiver", "show")
    assert changed.stdout == shown.stdout
    assert shown.stdout.startswith("https://ci.example  signed  set at 20")
    kept = store.read_bytes() + b"".join(one.read_bytes() for one in store.parent.glob("*-wal"))
    for secret in (b"hook-password", SECRET.removeprefix("whsec_").encode()):
        assert secret not in kept
