"""MCP Apps: which tools a chat can show, and the documents that it shows them in."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from mcp_handoff.html.environment import asset
from tests.mcp.agent import Agent
from tests.mcp.wire import Wire, enveloped, environment, handshake

SHOWN = {
    "get_overview": "ui://handoff/board",
    "list_suggestions": "ui://handoff/suggestions",
    "get_ticket": "ui://handoff/ticket",
}


class Document(HTMLParser):
    """A document's attributes that lead somewhere, and the text of its styles and scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.inline = ""
        self._inline = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inline = tag in ("style", "script")
        self.leads += [
            f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "srcset", "action")
        ]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.inline += data if self._inline else ""


def test_the_extension_is_announced_where_the_revision_has_a_word_for_it(store: Path) -> None:
    with Wire(environment(store)) as wire:
        discovered = wire.ask(enveloped(0, "server/discover"))["result"]["capabilities"]
        initialized = wire.ask(handshake()[0])["result"]["capabilities"]
    assert discovered["extensions"] == {EXTENSION_ID: {}}
    assert "extensions" not in initialized


async def test_three_tools_name_the_app_that_shows_their_answers(desk: Agent) -> None:
    tools = (await desk.client.list_tools()).tools
    named = {tool.name: tool.meta for tool in tools if tool.meta}
    assert named == {name: {"ui": {"resourceUri": uri}} for name, uri in SHOWN.items()}


@pytest.mark.parametrize("uri", SHOWN.values())
async def test_an_app_is_one_small_document_that_loads_and_calls_nothing(
    desk: Agent, uri: str
) -> None:
    [document] = (await desk.client.read_resource(uri)).contents
    assert isinstance(document, TextResourceContents)
    assert (document.uri, document.mime_type) == (uri, APP_MIME_TYPE)
    assert document.meta == {
        "ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
    }
    assert len(document.text.encode()) < 40_000
    assert document.text.startswith("<!doctype html>")
    read = Document(document.text)
    assert read.leads == []
    assert not re.search(
        r"@import|url\(|import\s*\(|^import |fetch\(|innerHTML", read.inline, re.MULTILINE
    )


def test_an_app_gives_its_chats_colours_to_what_the_style_has() -> None:
    given = re.findall(r'"(--[\w-]+)": "--color-', asset("app.js").decode())
    declared = re.findall(r"^\s*(--[\w-]+):", asset("style.css").decode(), re.MULTILINE)
    assert len(given) == 10
    assert {*given} <= {*declared}


async def test_apps_are_found_by_their_tools_and_stand_in_no_list(desk: Agent) -> None:
    listed = (await desk.client.list_resources()).resources
    assert [resource.uri for resource in listed] == ["handoff://tickets"]
    with pytest.raises(MCPError, match="no resource"):
        await desk.client.read_resource("ui://handoff/rubbish")


def test_a_server_starts_without_what_makes_documents() -> None:
    code = (
        "import sys, mcp_handoff.mcp.server, mcp_handoff.mcp.stdio;"
        "assert not {'jinja2', 'nh3', 'markupsafe', 'pyromark'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
