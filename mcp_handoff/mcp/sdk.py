"""What we need of the SDK that it has no public name for; nothing else here touches its privates.

`MCPServer` (mcp 2.3) registers no handler for resources/subscribe, and its own ones for
subscriptions/listen and completion/complete never see who asks; the low-level `Server` inside it
takes all three. The connection behind a session has an `exit_stack` for whoever must clean up when
the connection ends, and the session does not show it. A session over HTTP ends once no request was
under way for a time, and of a request that the SDK does not see it has to be told. A test fails
when the SDK renames any of it.
"""

from typing import Any

import anyio
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


def use_session(server: MCPServer[Any], session_id: str) -> bool:
    """Have a session over HTTP count as used now, so that it does not end for its silence; tell
    whether there is one."""
    sessions = server.session_manager._server_instances  # pyright: ignore[reportPrivateUsage] - no public name
    transport = sessions.get(session_id)
    if transport is None or transport.is_terminated:
        return False
    scope, seconds = transport.idle_scope, transport._idle_timeout  # pyright: ignore[reportPrivateUsage] - no public name
    if scope is None or seconds is None:
        return True
    if scope.cancel_called:
        return False
    scope.deadline = max(scope.deadline, anyio.current_time() + seconds)
    return True
