"""MCP Apps: documents in which a chat shows what a tool answered (extension
`io.modelcontextprotocol/ui`, https://github.com/modelcontextprotocol/ext-apps, 2026-01-26).

A document holds none of anybody's data: the host gives it the answer of a call, and passes its own
calls on. So it is the same for everyone, and is made once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import anyio

from mcp_handoff import __version__

NOWHERE: Mapping[str, Any] = {
    "ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
}
"""What a host may let a document load and call: nothing."""


@dataclass(frozen=True, slots=True)
class App:
    """A document by its address; its template is named after it."""

    uri: str

    @property
    def meta(self) -> dict[str, Any]:
        """What tells a host, in a tool's definition, to show the tool's answers in this app."""
        return {"ui": {"resourceUri": self.uri}}

    async def read(self) -> str:
        """Return the document."""
        name = self.uri.rpartition("/")[2]
        return await anyio.to_thread.run_sync(_document, f"apps/{name}.html")


BOARD = App("ui://handoff/board")
SUGGESTIONS = App("ui://handoff/suggestions")
TICKET = App("ui://handoff/ticket")

APPS: Mapping[str, App] = {app.uri: app for app in (BOARD, SUGGESTIONS, TICKET)}


@lru_cache(maxsize=8)
def _document(template: str) -> str:
    # Imported late: a server whose client shows no apps never needs it.
    from mcp_handoff.html.environment import template_named

    return template_named(template).render(version=__version__)
