"""What the SDK gives: one tool that does one durable insert, over stdio.

Durable as our own store is: journal_mode=WAL and synchronous=FULL, with Python's own sqlite3.
"""

import sqlite3
import sys
import uuid

from mcp.server.mcpserver import MCPServer


def main(path: str) -> None:
    store = _opened(path)
    server = MCPServer("bare")

    @server.tool()
    def create_ticket(title: str, description: str) -> str:
        ticket_id = str(uuid.uuid4())
        store.execute("INSERT INTO tickets VALUES (?, ?, ?)", (ticket_id, title, description))
        return ticket_id

    server.run("stdio")


def _opened(path: str) -> sqlite3.Connection:
    store = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute(
        "CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, title TEXT, description TEXT)"
    )
    return store


if __name__ == "__main__":
    main(sys.argv[1])
