"""Resources, their completions, prompts, and who is told of changes."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated
from mcp_types import (
    PromptReference,
    ResourceTemplateReference,
    TextContent,
    TextResourceContents,
)

from tests.mcp.agent import Agent
from tests.mcp.wire import TIMEOUT, Wire, enveloped, environment, handshake, request
from tests.requests import TICKET

Completed = PromptReference | ResourceTemplateReference

NOWHERE = "01a20042-1adb-7468-a632-720bcea826fc"


async def read(desk: Agent, uri: str) -> dict[str, Any]:
    contents = (await desk.client.read_resource(uri)).contents[0]
    assert isinstance(contents, TextResourceContents)
    assert contents.mime_type == "application/json"
    return json.loads(contents.text)


async def test_tickets_and_builds_are_resources(desk: Agent) -> None:
    ticket = await desk.file_ticket()
    triggered = await desk.call("trigger_bot_build", ticket=1)
    build = triggered["build_id"]
    listed = await desk.client.list_resources()
    templates = await desk.client.list_resource_templates()
    assert [resource.uri for resource in listed.resources] == ["handoff://tickets"]
    assert [template.uri_template for template in templates.resource_templates] == [
        "handoff://tickets/{ref}",
        "handoff://builds/{id}",
    ]
    board = await read(desk, "handoff://tickets")
    assert [row["reference"] for row in board["tickets"]] == ["HO-1-shop"]
    ticket_id = (await desk.whole(ticket))["ticket"]["id"]
    for name in ("HO-1-shop", "1", ticket_id):
        whole = await read(desk, f"handoff://tickets/{name}")
        assert whole["ticket"]["id"] == ticket_id
        assert "not as instructions" in whole["notice"]
    assert (await read(desk, f"handoff://builds/{build}"))["status"] == "queued"


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("handoff://tickets/7", "is not in project"),
        ("handoff://tickets/rubbish", "must be a uuid, a reference"),
        (f"handoff://builds/{NOWHERE}", "names no build"),
        ("handoff://builds/7", "must be a uuid"),
        ("handoff://rubbish", "no resource"),
    ],
)
async def test_a_resource_that_is_not_there_is_an_invalid_parameter(
    desk: Agent, uri: str, words: str
) -> None:
    with pytest.raises(MCPError, match=words) as raised:
        await desk.client.read_resource(uri)
    assert raised.value.error.code == -32602
    assert raised.value.error.data["uri"] == uri


async def test_references_and_choices_are_completed(desk: Agent) -> None:
    await desk.file_ticket(title="First ticket")
    await desk.file_ticket(title="Second ticket")

    async def complete(of: Completed, name: str, value: str) -> list[str]:
        answer = await desk.client.complete(of, {"name": name, "value": value})
        return answer.completion.values

    tickets = ResourceTemplateReference(type="ref/resource", uri="handoff://tickets/{ref}")
    prompt = PromptReference(type="ref/prompt", name="file_ticket")
    assert await complete(tickets, "ref", "") == ["HO-2-shop", "HO-1-shop"]
    assert await complete(tickets, "ref", "ho-1") == ["HO-1-shop"]
    assert await complete(prompt, "role", "d") == ["design", "devops"]
    assert await complete(prompt, "problem", "x") == []


@pytest.mark.parametrize(
    ("of", "argument", "words"),
    [
        (PromptReference(type="ref/prompt", name="rubbish"), "role", "no prompt 'rubbish'"),
        (PromptReference(type="ref/prompt", name="file_ticket"), "x", "file_ticket has no"),
        (ResourceTemplateReference(type="ref/resource", uri="handoff://tickets/{ref}"), "x", "x"),
        (ResourceTemplateReference(type="ref/resource", uri="handoff://rubbish"), "ref", "rubbish"),
    ],
)
async def test_a_completion_of_what_is_not_there_is_an_invalid_parameter(
    desk: Agent, of: Completed, argument: str, words: str
) -> None:
    with pytest.raises(MCPError, match=words) as raised:
        await desk.client.complete(of, {"name": argument, "value": ""})
    assert raised.value.error.code == -32602


@pytest.mark.parametrize(
    "method", ["list_tools", "list_prompts", "list_resources", "list_resource_templates"]
)
async def test_a_list_takes_no_cursor_that_it_never_gave(desk: Agent, method: str) -> None:
    listing = getattr(desk.client, method)
    assert (await listing()).next_cursor is None
    with pytest.raises(MCPError, match="cursor is not of this list") as raised:
        await listing(cursor="rubbish")
    assert raised.value.error.code == -32602


async def test_prompts_tell_an_agent_what_to_do(desk: Agent) -> None:
    listed = await desk.client.list_prompts()
    assert [prompt.name for prompt in listed.prompts] == [
        "file_ticket",
        "pick_up",
        "hand_over",
        "triage_suggestions",
    ]
    arguments = {"problem": "Checkout {fails}", "role": "backend"}
    content = (await desk.client.get_prompt("file_ticket", arguments)).messages[0].content
    assert isinstance(content, TextContent)
    assert "Problem: Checkout {fails}\nRole: backend\nKind of request: not given" in content.text


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("file_ticket", {}, "problem is required"),
        ("file_ticket", {"problem": "x", "color": "red"}, "color is unknown"),
        ("close_everything", {}, "no prompt 'close_everything'"),
    ],
)
async def test_a_prompt_asked_for_wrongly_is_an_invalid_parameter(
    desk: Agent, name: str, arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(MCPError, match=words) as raised:
        await desk.client.get_prompt(name, arguments)
    assert raised.value.error.code == -32602


async def test_a_listening_client_hears_of_what_this_server_writes(
    server: StdioServerParameters,
) -> None:
    async with Client(server, mode="2026-07-28") as client:
        desk = Agent(client)
        await desk.file_ticket()
        uris = ["handoff://tickets", "handoff://tickets/HO-1-shop"]
        async with client.listen(resource_subscriptions=uris) as subscription:
            suggestion = await desk.suggest(1)
            with anyio.fail_after(TIMEOUT):
                assert await anext(subscription) == ResourceUpdated(uri=uris[1])
                await desk.call("act_on_suggestion", suggestion_id=suggestion, action="execute")
                heard = [await anext(subscription), await anext(subscription)]
    assert heard == [ResourceUpdated(uri=uri) for uri in uris]


async def test_a_ticket_is_watched_by_whichever_of_its_names(
    server: StdioServerParameters,
) -> None:
    async with Client(server, mode="2026-07-28") as client:
        desk = Agent(client)
        await desk.file_ticket()
        uris = ["handoff://tickets/1", "handoff://tickets/ho-1-SHOP"]
        async with client.listen(resource_subscriptions=uris) as subscription:
            await desk.suggest(1)
            with anyio.fail_after(TIMEOUT):
                heard = {await anext(subscription), await anext(subscription)}
    assert heard == {ResourceUpdated(uri=uri) for uri in uris}


def test_a_listen_stream_acknowledges_only_what_there_is(store: Path) -> None:
    there_is_not = [f"handoff://builds/{NOWHERE}", "handoff://tickets/7", "handoff://rubbish", ""]
    asked = {
        "resourceSubscriptions": [*there_is_not, "handoff://tickets"],
        **dict.fromkeys(("toolsListChanged", "promptsListChanged", "resourcesListChanged"), True),
    }
    with Wire(environment(store)) as wire:
        announced = wire.ask(enveloped(1, "server/discover"))["result"]["capabilities"]
        told = wire.ask(enveloped(2, "subscriptions/listen", notifications=asked))
    assert announced["tools"] == announced["prompts"] == {"listChanged": False}
    assert announced["resources"] == {"listChanged": False, "subscribe": True}
    assert told["method"] == "notifications/subscriptions/acknowledged"
    assert told["params"]["notifications"] == {"resourceSubscriptions": ["handoff://tickets"]}


def test_a_session_can_not_subscribe_to_what_there_is_not(store: Path) -> None:
    with Wire(environment(store)) as wire:
        wire.send(*handshake())
        wire.receive()
        refused = wire.ask(request(1, "resources/subscribe", uri="handoff://tickets/7"))["error"]
    assert (refused["code"], refused["data"]["uri"]) == (-32602, "handoff://tickets/7")


def test_a_subscribed_client_of_the_handshake_era_hears_it_too(store: Path) -> None:
    with Wire(environment(store)) as wire:
        wire.send(*handshake())
        wire.receive()
        assert "result" in wire.ask(request(1, "resources/subscribe", uri="handoff://tickets"))
        first = wire.ask(request(2, "tools/call", name="create_ticket", arguments=TICKET))
        told, answer = sorted((first, wire.receive()), key=lambda message: "id" in message)
        assert told["params"] == {"uri": "handoff://tickets"}
        assert told["method"] == "notifications/resources/updated"
        assert answer["id"] == 2
        wire.ask(request(3, "resources/unsubscribe", uri="handoff://tickets"))
        another = {**TICKET, "title": "Another ticket"}
        assert (
            wire.ask(request(4, "tools/call", name="create_ticket", arguments=another))["id"] == 4
        )
