"""Which connections give way to others of the same client."""

import asyncio

import pytest
from uvicorn.config import Config

from mcp_handoff.http.capacity import LEAST_CONNECTIONS, Capacity
from mcp_handoff.http.connections import Connections
from mcp_handoff.http.deadlines import DeadlineProtocol

CAPACITY = Capacity(LEAST_CONNECTIONS)
SHARE = CAPACITY.unproved_of_one_address


class Peer(asyncio.Transport):
    """The transport of a connection that comes from an address."""

    def __init__(self, address: str) -> None:
        super().__init__({"peername": (address, 50_000)})
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


@pytest.mark.parametrize(
    ("form", "ended"),
    [("2001:db8::{:x}", 1), ("192.0.2.{}", 0), ("2001:db8:0:{:x}::1", 0)],
    ids=["one subnet of IPv6", "other hosts of IPv4", "other subnets of IPv6"],
)
async def test_whoever_calls_from_a_whole_subnet_of_ipv6_is_one_client(
    form: str, ended: int
) -> None:
    config = Config("tests.http.test_connections:Peer")
    config.load()
    connections = Connections(CAPACITY)
    peers = [Peer(form.format(number)) for number in range(1, SHARE + 2)]
    for peer in peers:
        DeadlineProtocol(config, connections, {}).connection_made(peer)
    assert [peer.is_aborted for peer in peers].count(True) == ended
