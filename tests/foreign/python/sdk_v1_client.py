"""A client made with the Python SDK 1.x: it connects as its argument says, says what it found, then
calls a tool for each line that it reads."""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


async def main() -> None:
    server = json.loads(sys.argv[1])
    async with AsyncExitStack() as stack:
        if "url" in server:
            headers = {"Authorization": f"Bearer {server['token']}"}
            opened = streamablehttp_client(server["url"], headers=headers)
        else:
            opened = stdio_client(StdioServerParameters(**server))
        incoming, outgoing, *_ = await stack.enter_async_context(opened)
        session = await stack.enter_async_context(ClientSession(incoming, outgoing))
        revision = (await session.initialize()).protocolVersion
        listed = await session.list_tools()
        say({"revision": revision, "tools": [tool.name for tool in listed.tools]})
        while line := await asyncio.to_thread(sys.stdin.readline):
            called = json.loads(line)
            result = await session.call_tool(called["name"], called["arguments"])
            text, structured = result.content[0].text, result.structuredContent
            say({"isError": result.isError, "structured": structured, "text": text})


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


asyncio.run(main())
