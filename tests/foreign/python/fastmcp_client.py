"""A client made with fastmcp: it connects as its argument says, says what it found, then calls a
tool for each line that it reads."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport


async def main() -> None:
    server = json.loads(sys.argv[1])
    if "url" in server:
        headers = {"Authorization": f"Bearer {server['token']}"}
        transport = StreamableHttpTransport(server["url"], headers=headers)
    else:
        transport = StdioTransport(**server)
    async with Client(transport) as client:
        tools = [tool.name for tool in await client.list_tools()]
        say({"revision": client.protocol_version, "tools": tools})
        while line := await asyncio.to_thread(sys.stdin.readline):
            called = json.loads(line)
            result = await client.call_tool(
                called["name"], called["arguments"], raise_on_error=False
            )
            text, structured = result.content[0].text, result.structured_content
            say({"isError": result.is_error, "structured": structured, "text": text})


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


asyncio.run(main())
