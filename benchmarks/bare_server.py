"""What the SDK gives: one tool that does one durable insert, over stdio or Streamable HTTP.

Durable as our own store is: journal_mode=WAL and synchronous=FULL, with Python's own sqlite3.
"""

import socket
import sqlite3
import sys
import uuid

import uvicorn
from mcp.server.mcpserver import MCPServer


def main(transport: str, path: str) -> None:
    store = _opened(path)
    server = MCPServer("bare", log_level="WARNING")

    @server.tool()
    def create_ticket(title: str, description: str) -> str:
        ticket_id = str(uuid.uuid4())
        store.execute("INSERT INTO tickets VALUES (?, ?, ?)", (ticket_id, title, description))
        return ticket_id

    if transport == "http":
        _serve_http(server)
    else:
        server.run("stdio")


def _serve_http(server: MCPServer) -> None:
    """Serve on a free port of this machine; the address is told on stderr."""
    config = uvicorn.Config(server.streamable_http_app(), log_level="warning", access_log=False)
    # asyncio sets TCP_NODELAY where the protocol is named, as it is when uvicorn binds by itself.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        print(f"http://127.0.0.1:{bound.getsockname()[1]}/mcp", file=sys.stderr, flush=True)
        uvicorn.Server(config).run(sockets=[bound])


def _opened(path: str) -> sqlite3.Connection:
    store = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute(
        "CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, title TEXT, description TEXT)"
    )
    return store


if __name__ == "__main__":
    main(*sys.argv[1:])
