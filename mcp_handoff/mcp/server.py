"""The MCP server: one object that serves every protocol revision and every transport."""

import logging
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import replace
from typing import Any

from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.apps import APP_MIME_TYPE, Apps
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

from mcp_handoff.admission import admission_of
from mcp_handoff.desk import Visitor
from mcp_handoff.errors import HandoffError, ValidationFailed
from mcp_handoff.mcp import prompts, resources
from mcp_handoff.mcp.apps import APPS, NOWHERE
from mcp_handoff.mcp.arguments import parse_json
from mcp_handoff.mcp.http_calls import Session
from mcp_handoff.mcp.instructions import INSTRUCTIONS
from mcp_handoff.mcp.outgoing import Outgoing
from mcp_handoff.mcp.progress import Report
from mcp_handoff.mcp.protocol_errors import protocol_error
from mcp_handoff.mcp.responses import SERVER
from mcp_handoff.mcp.sdk import connection_of, lowlevel_server, use_session
from mcp_handoff.mcp.subscriptions import Subscriptions
from mcp_handoff.mcp.toolbox import Toolbox

_HOUR_MS = 3_600_000
_LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")

RequestContext = ServerRequestContext[Any, Any]

logger = logging.getLogger(__name__)


class HandoffServer(MCPServer[Any]):
    """The desk over MCP; every call acts as a bot.

    The toolbox stands in for the SDK's registry of tools, so that arguments are checked and errors
    explained in one place, the desk.
    """

    def __init__(self, toolbox: Toolbox) -> None:
        desk = toolbox.desk
        self._subscribers = Subscriptions(desk, self._visitor)
        super().__init__(
            SERVER["name"],
            title=SERVER["title"],
            instructions=INSTRUCTIONS,
            version=SERVER["version"],
            cache_hints={name: CacheHint(ttl_ms=_HOUR_MS, scope="public") for name in _LISTS},
            subscriptions=False,
            extensions=[Apps()],
        )
        self._desk = desk
        self._toolbox = toolbox
        self._sessions = dict[str, Session]()
        self._listed = [ListedTool.model_validate(tool.listed()) for tool in toolbox.shown]
        lowlevel, subscribers = lowlevel_server(self), self._subscribers
        add = lowlevel.add_request_handler
        add("server/discover", RequestParams, self._discover)
        add("subscriptions/listen", SubscriptionsListenRequestParams, subscribers.listen)
        add("resources/subscribe", SubscribeRequestParams, subscribers.subscribe)
        add("resources/unsubscribe", UnsubscribeRequestParams, subscribers.unsubscribe)
        add("completion/complete", CompleteRequestParams, self._complete)
        lowlevel.middleware.append(_read_arguments_that_are_text)
        lowlevel.middleware.append(self._note_session)
        for name in _LISTS:
            if listing := lowlevel.get_request_handler(name):
                add(name, PaginatedRequestParams, _one_page(listing.handler))

    async def list_tools(self) -> list[ListedTool]:
        return self._listed

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult:
        if name not in self._toolbox:
            raise MCPError(code=INVALID_PARAMS, message=self._toolbox.without_tool(name))
        request = context.request_context if context else None
        visitor = self._visitor(request)
        result = await self._toolbox.call(name, arguments, visitor, _report_to(request))
        return CallToolResult.model_validate(result.as_json())

    async def list_resources(self) -> list[Resource]:
        return list(resources.LISTED)

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        return list(resources.TEMPLATES)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> list[ReadResourceContents]:
        if app := APPS.get(str(uri)):
            html = await app.read()
            return [ReadResourceContents(html, mime_type=APP_MIME_TYPE, meta=dict(NOWHERE))]
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

    def announcing(self) -> AbstractAsyncContextManager[None]:
        """Notify the subscribers of what changes in the backend while this is entered."""
        return self._subscribers.announcing()

    def stream_open(self, session_id: str) -> AbstractContextManager[None]:
        """Take note that a session over HTTP has its stream open while this is entered."""
        return self._subscribers.stream_open(session_id)

    def session_of(self, session_id: str) -> Session | None:
        """Return who calls in a session over HTTP, which counts as used now; None for one that is
        not there, or about to end."""
        return self._sessions.get(session_id) if use_session(self, session_id) else None

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

    def _visitor(self, context: RequestContext | None) -> Visitor:
        http = context.request if context else None
        client = context.session.client_params if context else None
        name = client.client_info.name if client else None
        return self._toolbox.visitor(name, admission_of(http.scope) if http else None)

    async def _note_session(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        """Remember who opened a session over HTTP as long as it lasts."""
        result = await call_next(ctx)
        if ctx.method == "initialize" and ctx.request is not None:
            connection = connection_of(ctx.session)
            if (session_id := connection.session_id) is not None:
                client = (ctx.params or {})["clientInfo"]["name"]
                principal = admission_of(ctx.request.scope).principal
                self._sessions[session_id] = Session(client, principal.id)
                connection.exit_stack.callback(self._sessions.pop, session_id, None)
        return result

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


def _report_to(context: RequestContext | None) -> Report | None:
    """Return what reports progress to the client of a call, None where it did not ask for it."""
    if context is None or "progress_token" not in (context.meta or {}):
        return None
    session = context.session

    async def report(seconds: float, message: str) -> None:
        await session.report_progress(seconds, message=message)

    return report


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
