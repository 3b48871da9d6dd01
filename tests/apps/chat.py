"""A chat with an app in it, in a real browser: the host is the reference AppBridge's."""

from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Frame, FrameLocator, Page, Route

from tests.http.served import Served

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Chat</title><link rel="icon" href="data:,">
<style>iframe { border: 0; width: 100% }</style></head>
<body><script src="/chat.js"></script></body>
</html>"""

_NOTHING: Mapping[str, Any] = {}


class Chat:
    """Whose agent calls the desk's tools with a token, and who sees the answers in apps."""

    def __init__(self, desk: Served, page: Page, script: str, token: str) -> None:
        self.desk, self.page, self.token = desk, page, token
        self._serve("/chat", PAGE, "text/html")
        self._serve("/chat.js", script, "text/javascript")
        page.goto("/chat")

    def show(
        self, tool: str, given: Mapping[str, Any] = _NOTHING, **host: Mapping[str, Any]
    ) -> FrameLocator:
        """Have the agent call a tool; return the app that shows its answer, in a chat that has this
        `context` and other `capabilities`."""
        call = [self.token, tool, dict(given), host]
        self.page.evaluate("call => window.show(...call)", call)
        return self.page.frame_locator("iframe")

    @property
    def frame(self) -> Frame:
        """The app's frame, to look into it as its own script does."""
        return self.page.frames[1]

    def tell(self, **context: Any) -> None:
        """Tell the app what has changed in the chat."""
        self.page.evaluate("changed => shown.bridge.sendHostContextChange(changed)", context)

    def opened(self) -> list[str]:
        """Return the addresses that the app had the chat open."""
        return self.page.evaluate("() => shown.opened")

    def _serve(self, path: str, body: str, kind: str) -> None:
        def fulfill(route: Route) -> None:
            route.fulfill(body=body, content_type=f"{kind}; charset=utf-8")

        self.page.route(f"{self.desk.url}{path}", fulfill)
