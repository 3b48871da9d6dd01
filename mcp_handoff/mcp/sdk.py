"""What we need of the SDK that it has no public name for; nothing else here touches its privates.

`MCPServer` (mcp 2.3) registers no handler for resources/subscribe, and its own ones for
subscriptions/listen and completion/complete never see who asks; the low-level `Server` inside it
takes all three. The connection behind a session has an `exit_stack` for whoever must clean up when
the connection ends, and the session does not show it. A test fails when the SDK renames either.
"""

from typing import Any

from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.session import ServerSession


def lowlevel_server(server: MCPServer[Any]) -> Server[Any]:
    """Return the low-level server that a server is made of."""
    return server._lowlevel_server  # pyright: ignore[reportPrivateUsage] - no public name


def connection_of(session: ServerSession) -> Connection:
    """Return the connection that a session is served on."""
    return session._connection  # pyright: ignore[reportPrivateUsage] - no public name
