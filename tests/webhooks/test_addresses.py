"""A webhook is told at addresses that may be told, whatever a name stands for."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import IPv4Network, IPv6Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.addresses import ip_address_of, is_public
from mcp_handoff.backend import Store
from mcp_handoff.dispatch import sender
from mcp_handoff.validation import Arguments
from mcp_handoff.webhooks import AddWebhook
from tests.certificates import certificate_of
from tests.clock import SteppedClock
from tests.dispatch.receiver import Receiver
from tests.http.served import OPERATOR
from tests.remote.impostor import Impostor
from tests.webhooks.secure_receiver import SecureReceiver
from tests.webhooks.telling import add, file_ticket, only_webhook, tell

pytestmark = pytest.mark.proof

HOST = "hooks.example"
"""A name that stands for what a test says."""


@pytest.fixture
def desk(backend: Store) -> Store:
    """Where messages go is the same on each database."""
    return backend


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("1.1.1.1", True),
        ("8.8.8.8", True),
        ("172.15.255.255", True),
        ("172.32.0.1", True),
        ("100.63.255.255", True),
        ("100.128.0.1", True),
        ("2606:4700::1111", True),
        ("2a00:1450:4001::200e", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("2002:808:808::1", True),
        ("0.0.0.0", False),
        ("0.1.2.3", False),
        ("10.0.0.1", False),
        ("10.255.255.255", False),
        ("100.64.0.1", False),
        ("100.127.255.255", False),
        ("127.0.0.1", False),
        ("127.255.255.254", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("172.31.255.255", False),
        ("192.0.0.1", False),
        ("192.0.2.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("198.51.100.7", False),
        ("203.0.113.7", False),
        ("224.0.0.1", False),
        ("239.255.255.255", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::a00:1", False),
        ("::808:808", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:0:808:808", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::808:808", False),
        ("100::1", False),
        ("2001::1", False),
        ("2001:0:808:808::1", False),
        ("2001:db8::1", False),
        ("2002:a00:1::", False),
        ("2002:7f00:1::1", False),
        ("2002:e000:1::", False),
        ("fc00::1", False),
        ("fd12:3456:789a::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("ff0e::1", False),
        ("4000::1", False),
    ],
)
def test_an_address_is_public_or_it_is_not(text: str, public: bool) -> None:
    address = ip_address_of(text)
    assert address is not None
    assert is_public(address) is public


def test_no_spelling_of_an_ipv4_address_as_ipv6_makes_it_public() -> None:
    assert not is_public(IPv6Address("::ffff:10.0.0.1"))
    assert not is_public(IPv6Address("::ffff:8.8.8.8"))


class Names:
    """Has a name stand for addresses: each time that it is looked up for the next of these, or
    several, the last for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Sequence[str]) -> None:
        self.asked = 0
        self._answers = answers
        self._others = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: str | bytes, port: int, *asked: Any, **named: Any) -> object:
        if host not in (HOST, HOST.encode()):
            return self._others(host, port, *asked, **named)
        self.asked += 1
        found = self._answers[min(self.asked, len(self._answers)) - 1]
        stream = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*stream, (address, port)) for address in found]


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate of localhost, which is trusted in this test."""
    certificate = certificate_of("localhost", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


@pytest.fixture
def hooks_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certificate of HOST, which is trusted in this test."""
    certificate = certificate_of(HOST, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


async def add_url(desk: Store, url: str) -> None:
    await desk.add_webhook(OPERATOR, Arguments(AddWebhook, {"url": url}).parse("user"))


async def error_of(desk: Store) -> str | None:
    """Return how the only webhook was told last; one that was not told is tried again."""
    webhook = await only_webhook(desk)
    assert webhook.waiting == (0 if webhook.last_error is None else 1)
    assert webhook.off_since is None
    return webhook.last_error


def refused(address: str) -> str:
    return (
        f"The receiver did not take it: its address {address} is none of the public Internet, and"
        " HANDOFF_WEBHOOK_NETWORKS does not allow it."
    )


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("[::1]", "::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1"),
    ],
)
async def test_nothing_reaches_an_address_that_is_not_public_however_it_is_written(
    desk: Store, caller: Caller, tmp_path: Path, host: str, address: str
) -> None:
    with Impostor(tmp_path) as listening:
        await add_url(desk, listening.url.replace("127.0.0.1", host))
        await file_ticket(desk, caller)
        await tell(desk, networks=())
    assert await error_of(desk) == refused(address)
    assert listening.heard == []


async def test_this_machine_is_told_over_http_only_where_its_network_is_allowed(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk, networks=[IPv4Network("127.0.0.2"), IPv4Network("10.0.0.0/8")])
    assert receiver.messages == []
    assert await error_of(desk) == refused("127.0.0.1")


async def test_a_name_within_an_allowed_network_is_told_and_proves_its_name(
    desk: Store, caller: Caller, trusted: Path
) -> None:
    with SecureReceiver(trusted) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
    assert len(receiver.messages) == 1
    assert await error_of(desk) is None


@pytest.mark.parametrize("named", ["127.0.0.1", "elsewhere.example"])
async def test_a_certificate_for_the_address_or_of_another_name_proves_nothing(
    desk: Store, caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    certificate = certificate_of(named, tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with SecureReceiver(certificate) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
    assert receiver.messages == []
    assert "it can't be reached, or broke off" in (await error_of(desk) or "")


async def test_a_certificate_that_nobody_trusts_proves_nothing(
    desk: Store, caller: Caller, tmp_path: Path
) -> None:
    with SecureReceiver(certificate_of("localhost", tmp_path)) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
    assert receiver.messages == []


async def test_a_name_that_stands_for_another_address_when_it_is_looked_up_again_is_not_asked_again(
    desk: Store, caller: Caller, hooks_example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens at the first address, which is allowed; at the second one somebody does."""
    names = Names(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    allowed = [IPv4Network("127.0.0.2")]
    with SecureReceiver(hooks_example, host=HOST) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk, networks=allowed)
    assert (receiver.messages, names.asked) == ([], 1)
    assert "it can't be reached, or broke off" in (await error_of(desk) or "")


async def test_what_was_checked_is_what_is_connected_to_and_each_time_it_is_checked(
    desk: Store,
    caller: Caller,
    clock: SteppedClock,
    hooks_example: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
    with SecureReceiver(hooks_example, host=HOST) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
        assert (len(receiver.messages), names.asked) == (1, 1)
        await file_ticket(desk, caller, "Another one")
        await tell(desk)
    assert (len(receiver.messages), names.asked) == (1, 2)
    assert await error_of(desk) == refused("10.0.0.1")


async def test_of_several_addresses_only_those_that_may_be_told_are_tried(
    desk: Store, caller: Caller, hooks_example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, ["10.0.0.1", "127.0.0.1", "127.0.0.2"])
    with SecureReceiver(hooks_example, host=HOST) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk, networks=[IPv4Network("127.0.0.2")])
    assert receiver.messages == []
    assert "it can't be reached, or broke off" in (await error_of(desk) or "")


async def test_an_address_where_nobody_listens_leaves_the_others(
    desk: Store, caller: Caller, hooks_example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Names(monkeypatch, ["127.0.0.2", "127.0.0.3", "127.0.0.1"])
    with SecureReceiver(hooks_example, host=HOST) as receiver:
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
    assert len(receiver.messages) == 1


async def test_an_address_that_answers_nothing_leaves_the_others(
    desk: Store, caller: Caller, hooks_example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as an IPv6 address where only IPv4 gets through."""
    monkeypatch.setattr(sender, "CONNECT_SECONDS", 2.0)
    Names(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    with SecureReceiver(hooks_example, host=HOST) as receiver, ExitStack() as connected:
        silent = ("127.0.0.2", urlsplit(receiver.url).port)
        connected.enter_context(socket.create_server(silent, backlog=0))
        connected.enter_context(socket.create_connection(silent))  # as many as it takes
        await add(desk, receiver)
        await file_ticket(desk, caller)
        await tell(desk)
    assert len(receiver.messages) == 1


async def test_a_name_that_stands_for_nothing_is_told_later(
    desk: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_nothing(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    await add_url(desk, f"https://{HOST}/hook")
    await file_ticket(desk, caller)
    monkeypatch.setattr(socket, "getaddrinfo", find_nothing)
    await tell(desk)
    assert "it can't be reached, or broke off" in (await error_of(desk) or "")


async def test_no_proxy_of_the_environment_is_asked(
    desk: Store, caller: Caller, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Impostor(tmp_path) as proxy, SecureReceiver(trusted) as receiver, Receiver() as plain:
        address = proxy.url.removeprefix("https").removesuffix("/api")
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http{address}")
            monkeypatch.setenv(name.lower(), f"http{address}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        for one in (receiver, plain):
            await add(desk, one)
        await file_ticket(desk, caller)
        await tell(desk)
    assert (len(receiver.messages), len(plain.messages), proxy.heard) == (1, 1, [])
