"""The MCP server: one object that serves every protocol revision and every transport."""

import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.apps import Apps
from mcp.server.caching import CacheHint
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import RequestHandler
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.runner import serve_dual_era_loop
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    CompleteRequestParams,
    CompleteResult,
    DiscoverResult,
    GetPromptResult,
    PaginatedRequestParams,
    Prompt,
    RequestParams,
    Resource,
    ResourceTemplate,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)
from mcp_types import Tool as ListedTool
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import AnyUrl

from mcp_handoff import __version__
from mcp_handoff.actors import bot
from mcp_handoff.admission import Admission, admission_of
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError, ValidationFailed
from mcp_handoff.ids import new_id
from mcp_handoff.mcp import prompts, resources
from mcp_handoff.mcp.answers import Reader, result_of
from mcp_handoff.mcp.apps import APPS
from mcp_handoff.mcp.arguments import Reading, parse_json
from mcp_handoff.mcp.instructions import INSTRUCTIONS
from mcp_handoff.mcp.outgoing import Outgoing
from mcp_handoff.mcp.progress import progress_reported
from mcp_handoff.mcp.results import DEFECT, protocol_error, tool_error
from mcp_handoff.mcp.sdk import lowlevel_server
from mcp_handoff.mcp.subscriptions import Subscriptions
from mcp_handoff.mcp.tools import TOOLS
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.near_names import nearest_tool
from mcp_handoff.text import shortened, visible
from mcp_handoff.validation import Arguments

_HOUR_MS = 3_600_000
_LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")

RequestContext = ServerRequestContext[Any, Any]

logger = logging.getLogger(__name__)


class HandoffServer(MCPServer[Any]):
    """The desk over MCP; every call acts as a bot.

    The table of tools stands in for the SDK's registry, so that arguments are checked and errors
    explained in one place, the desk.
    """

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._subscribers = Subscriptions(desk, self._visitor)
        super().__init__(
            "mcp-handoff",
            title="Handoff desk",
            instructions=INSTRUCTIONS,
            version=__version__,
            log_level=settings.log_level,
            cache_hints={name: CacheHint(ttl_ms=_HOUR_MS, scope="public") for name in _LISTS},
            subscriptions=False,
            extensions=[Apps()],
        )
        self._desk = desk
        self._actor_id = settings.actor_id
        self._session = new_id()
        self._tools = {tool.name: tool for tool in TOOLS}
        self._listed = [tool.listed() for tool in TOOLS if tool.reads or not desk.read_only]
        self._readings = dict[str, Reading]()
        lowlevel, subscribers = lowlevel_server(self), self._subscribers
        add = lowlevel.add_request_handler
        add("server/discover", RequestParams, self._discover)
        add("subscriptions/listen", SubscriptionsListenRequestParams, subscribers.listen)
        add("resources/subscribe", SubscribeRequestParams, subscribers.subscribe)
        add("resources/unsubscribe", UnsubscribeRequestParams, subscribers.unsubscribe)
        add("completion/complete", CompleteRequestParams, self._complete)
        lowlevel.middleware.append(_read_arguments_that_are_text)
        for name in _LISTS:
            if listing := lowlevel.get_request_handler(name):
                add(name, PaginatedRequestParams, _one_page(listing.handler))

    async def list_tools(self) -> list[ListedTool]:
        return self._listed

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult:
        tool = self._tools.get(name)
        if tool is None:
            raise MCPError(code=INVALID_PARAMS, message=self._without_such_a_tool(name))
        request = context.request_context if context else None
        sent = Arguments(tool.request, self._reading(tool).meant(arguments), tool.fixed)
        visitor = self._visitor(request)
        async with progress_reported(request, name, visitor.admission):
            try:
                done = await tool.perform(self._desk, visitor, sent)
                return result_of(tool.tell(done, self._reader(visitor, sent)))
            except HandoffError as error:
                return tool_error(error)
            except Exception:
                logger.exception("%s failed", name)
                return tool_error(DEFECT)

    async def list_resources(self) -> list[Resource]:
        return list(resources.LISTED)

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        return list(resources.TEMPLATES)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> list[ReadResourceContents]:
        if app := APPS.get(str(uri)):
            return [await app.read()]
        visitor = self._visitor(context.request_context if context else None)
        try:
            text = await resources.read(self._desk, visitor, str(uri))
        except HandoffError as error:
            raise protocol_error(error, uri=str(uri)) from None
        return [ReadResourceContents(content=text, mime_type=resources.JSON)]

    async def list_prompts(self) -> list[Prompt]:
        return [prompt.listed() for prompt in prompts.PROMPTS]

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Any, Any] | None = None,
    ) -> GetPromptResult:
        try:
            return prompts.find(name).rendered(arguments or {})
        except HandoffError as error:
            raise protocol_error(error) from None

    @asynccontextmanager
    async def announcing(self) -> AsyncGenerator[None]:
        """Notify the subscribers of what changes in the backend while this is entered."""
        async with self._desk.changes() as changes, anyio.create_task_group() as group:
            group.start_soon(self._subscribers.notify_of_each, changes)
            yield
            group.cancel_scope.cancel()

    def stream_open(self, session_id: str) -> AbstractContextManager[None]:
        """Take note that a session over HTTP has its stream open while this is entered."""
        return self._subscribers.stream_open(session_id)

    def end_streams(self) -> None:
        """End every open subscriptions/listen stream in good order, and have every call answered
        that waits for a change."""
        self._desk.end_waits()
        self._subscribers.end_streams()

    async def serve_streams(
        self,
        incoming: MemoryObjectReceiveStream[SessionMessage | Exception],
        outgoing: Outgoing,
    ) -> None:
        """Serve one connection, in the protocol revision of its first request, until it ends."""
        await serve_dual_era_loop(lowlevel_server(self), incoming, outgoing, lifespan_state={})

    def _reading(self, tool: Tool[Any, Any, Any]) -> Reading:
        """Return how a tool's arguments are read, made at its first call: not every tool is."""
        if tool.name not in self._readings:
            self._readings[tool.name] = Reading.of(tool.request, hidden=tool.fixed)
        return self._readings[tool.name]

    def _without_such_a_tool(self, name: str) -> str:
        known = [tool.name for tool in self._listed]
        near = nearest_tool(name, known)
        meant = f" (did you mean {near}?)" if near else ""
        return (
            f"There is no tool {shortened(visible(name), 60)!r}{meant};"
            f" there are {', '.join(known)}."
        )

    def _visitor(self, context: RequestContext | None) -> Visitor:
        """Return who calls: a bot, known by the configured id or its client's name."""
        http = context.request if context else None
        client = context.session.client_params if context else None
        name = self._actor_id or (client.client_info.name if client else None)
        admission = admission_of(http.scope) if http else Admission()
        return Visitor("mcp", bot(name), admission, session="" if http else self._session)

    def _reader(self, visitor: Visitor, sent: Arguments[Any]) -> Reader:
        named = sent.sent.get("project")
        return Reader(
            own_project=self._desk.own_project(visitor),
            named_project=named if isinstance(named, str) else None,
            named_build="build_id" in sent.sent,
            may_write=self._desk.may_write(visitor),
            builds_start=self._desk.builds_start,
            has_store=self._desk.has_store,
        )

    async def _complete(
        self, context: RequestContext, params: CompleteRequestParams
    ) -> CompleteResult:
        visitor = self._visitor(context)
        try:
            offered = await resources.complete(self._desk, visitor, params.ref, params.argument)
        except HandoffError as error:
            raise protocol_error(error) from None
        return CompleteResult(completion=offered)

    async def _discover(self, context: RequestContext, params: RequestParams) -> DiscoverResult:
        """Say what there is, as the SDK does, but that the lists never change."""
        capabilities = lowlevel_server(self).get_capabilities(
            protocol_version=context.protocol_version
        )
        for listed in (capabilities.tools, capabilities.prompts, capabilities.resources):
            if listed is not None:
                listed.list_changed = False
        return DiscoverResult(
            supported_versions=list(MODERN_PROTOCOL_VERSIONS),
            capabilities=capabilities,
            instructions=self.instructions,
        )


async def _read_arguments_that_are_text(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
    """Read a call's arguments where a client sends them as JSON text, which the SDK refuses."""
    params = ctx.params or {}
    sent = params.get("arguments") if ctx.method == "tools/call" else None
    if isinstance(sent, str) and isinstance(read := parse_json(sent), dict):
        ctx = replace(ctx, params={**params, "arguments": read})
    return await call_next(ctx)


def _one_page(listing: RequestHandler) -> RequestHandler:
    """Return a list's handler that takes no cursor: there is one page, and no cursor is its own."""

    async def handle(context: RequestContext, params: PaginatedRequestParams) -> HandlerResult:
        if params.cursor:
            raise protocol_error(
                ValidationFailed.at("cursor", "is not of this list, which has one page", "omit it")
            )
        return await listing(context, params)

    return handle
