"""docs/clients.md shows what is written."""

import re
from pathlib import Path, PurePosixPath

import pytest

from mcp_handoff.clients.clients import CLIENTS, Machine
from mcp_handoff.clients.entries import written
from tests.clients.installing import REMOTE, URL

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "clients.md").read_text(encoding="utf-8")


def test_the_page_says_where_each_client_has_its_files() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| `(.+?)` \| (.+?) \|$", PAGE, re.MULTILINE)
    machine = Machine("linux", PurePosixPath("~"), {})
    assert rows == [
        (
            client.name,
            client.title,
            str(client.user_file(machine)),
            f"`{client.project_file}`" if client.project_file else "has none",
        )
        for client in CLIENTS.values()
    ]


@pytest.mark.parametrize("name", REMOTE)
def test_the_page_shows_a_teams_server_as_it_is_written(name: str) -> None:
    client = CLIENTS[name]
    assert client.remote is not None
    _, _, section = PAGE.partition(f"### {client.title}\n")
    shown = re.search(rf"```{client.format}\n(.*?)```", section, re.DOTALL)
    assert shown is not None
    assert shown.group(1) == written("", client, client.remote(URL, ["mcp-handoff"]))
