"""The stream that the SDK's loops write to."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage


class Outgoing:
    """Hands every message to a function; the wire behind it outlives each loop."""

    def __init__(self, write: Callable[[JSONRPCMessage], None]) -> None:
        self._write = write

    async def send(self, item: SessionMessage, /) -> None:
        self._write(item.message)

    async def aclose(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()
