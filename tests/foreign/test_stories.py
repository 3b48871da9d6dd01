"""One whole story, told by each client that is not ours, over stdio and over HTTP."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from mcp_handoff.mcp.tools import TOOLS
from tests.databases import empty
from tests.foreign.clients import ForeignClient, Server, inspector, python, typescript
from tests.http.served import Served, make_project, make_token
from tests.mcp.wire import environment
from tests.requests import TICKET

pytestmark = pytest.mark.proof

Connect = Callable[[Server, Path], AbstractContextManager[ForeignClient]]


class Tried(NamedTuple):
    """How a client is connected, which revision it then speaks, and what it is tried over."""

    connect: Connect
    revision: str
    transports: tuple[str, ...] = ("stdio", "HTTP")


CLIENTS = {
    "TypeScript SDK 1": Tried(partial(typescript, "v1"), "handshake"),
    "TypeScript SDK 2": Tried(partial(typescript, "v2"), "2026-07-28"),
    "Python SDK 1": Tried(partial(python, "sdk_v1"), "2025-11-25"),
    "fastmcp": Tried(partial(python, "fastmcp"), "2026-07-28"),
    # A second and more for each call.
    "Inspector, with a handshake": Tried(partial(inspector, "legacy"), "legacy", ("HTTP",)),
    "Inspector, without one": Tried(partial(inspector, "modern"), "modern", ("stdio",)),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A desk that asks for tokens; its own is of the bot claude."""
    store = tmp_path_factory.mktemp("foreign") / "handoff.db"
    with Served(store, token=make_token(store, "claude", "bot"), HANDOFF_PROJECT="shop") as desk:
        yield desk


@pytest.fixture
def server(transport: str, store: Path, served: Served) -> Server:
    """How to reach a desk that is empty."""
    if transport == "HTTP":
        empty(served.store)
        make_project(served.store, "shop")
        return {"url": f"{served.url}/mcp", "token": served.token}
    settings = {name: value for name, value in environment(store).items() if "HANDOFF" in name}
    return {"command": sys.executable, "args": ["-m", "mcp_handoff"], "env": settings}


@pytest.mark.parametrize(
    ("name", "transport"),
    [(name, transport) for name, tried in CLIENTS.items() for transport in tried.transports],
)
def test_a_client_takes_a_ticket_from_filed_to_closed(
    name: str, server: Server, kept_packages: Path
) -> None:
    tried = CLIENTS[name]
    with tried.connect(server, kept_packages) as client:
        assert (client.revision, client.tools) == (tried.revision, [tool.name for tool in TOOLS])
        tell_story(client)


def tell_story(client: ForeignClient) -> None:
    filed = client.call("create_ticket", **TICKET)
    assert filed.structured["ticket"] == "HO-1-shop"
    found = client.call("find_tickets", query="checkout")
    assert [ticket["ticket"] for ticket in found.structured["tickets"]] == ["HO-1-shop"]
    assert "HO-1-shop" in found.text
    taken = client.call("take_ticket", role="backend")
    work = {"ticket": "HO-1-shop", "role": "backend", "fence": taken.structured["fence"]}
    client.call("add_message", ticket="HO-1-shop", body="The cap is in cart.py.")
    done = client.call("update_ticket", **work, role_status="done", note="No cap any more.")
    assert done.structured["roles"]["backend"] == "done"
    suggested = client.call("suggest_close", ticket="HO-1-shop", evidence={"pr": "acme/shop#7"})
    act = {"suggestion_id": suggested.structured["suggestion_id"], "action": "execute"}
    assert not client.call("act_on_suggestion", **act).is_error
    late = client.call("act_on_suggestion", **act)
    error = late.structured["error"]
    assert (late.is_error, error["code"]) == (True, "SUGGESTION_NOT_PENDING")
    assert late.text.startswith(f"SUGGESTION_NOT_PENDING: {error['message']}")
    assert client.call("get_ticket", ticket="HO-1-shop").structured["status"] == "closed"
