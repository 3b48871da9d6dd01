"""All pages, and where they are."""

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mcp_handoff.desk import Desk
from mcp_handoff.errors import NotFound
from mcp_handoff.html.environment import STATIC, asset
from mcp_handoff.portal import (
    activity,
    addresses,
    board,
    builds,
    inbox,
    people,
    settings,
    theme,
    tickets,
)
from mcp_handoff.portal.live import LivePages
from mcp_handoff.portal.visits import page_over, refused

_ASSETS = {"style.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8"}
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def page_routes(desk: Desk, live: LivePages) -> list[Route]:
    """Return the pages over a desk, and where the open ones hear what changes."""
    pages = {
        addresses.BOARD: ("GET", board.show_board),
        addresses.MOVES: ("POST", board.move_ticket),
        addresses.CHANGES: ("GET", live.show_changes),
        addresses.THEME: ("POST", theme.set_theme),
        addresses.INBOX: ("GET", inbox.show_inbox),
        addresses.NEW_TICKET: ("GET", tickets.show_new_ticket),
        f"{addresses.NEW_TICKET}/similar": ("GET", tickets.show_similar),
        "/tickets": ("POST", tickets.create_ticket),
        "/tickets/{ticket}": ("GET", tickets.show_ticket),
        "/tickets/{ticket}/messages": ("POST", tickets.add_message),
        "/tickets/{ticket}/takes": ("POST", tickets.take_ticket),
        "/tickets/{ticket}/changes": ("POST", tickets.update_ticket),
        "/suggestions/{suggestion}": ("POST", inbox.act_on_suggestion),
        addresses.BUILDS: ("GET", builds.show_builds),
        addresses.ACTIVITY: ("GET", activity.show_activity),
        f"{addresses.ACTIVITY}/{{name}}": ("GET", activity.download_activity),
        addresses.PEOPLE: ("GET", people.show_people),
        addresses.SETTINGS: ("GET", settings.show_settings),
        "/settings/projects/{project}": ("POST", settings.change_project),
        "/settings/tokens": ("POST", settings.create_token),
        "/settings/tokens/{token}/rotate": ("POST", settings.rotate_token),
        "/settings/tokens/{token}/revoke": ("POST", settings.revoke_token),
        "/settings/repositories": ("POST", settings.link_repository),
        "/settings/repositories/{repository}/unlink": ("POST", settings.unlink_repository),
        "/settings/webhooks": ("POST", settings.add_webhook),
        "/settings/webhooks/{webhook}": ("POST", settings.change_webhook),
    }
    # What stays a secret on a page is another text each time (`guard_of`), so it may be compressed.
    compressed = [Middleware(GZipMiddleware, compresslevel=6)]
    return [
        *(
            Route(path, page_over(desk, page), methods=[method], middleware=compressed)
            for path, (method, page) in pages.items()
        ),
        Route(f"{STATIC}/{{name}}", _show_asset, methods=["GET"], middleware=compressed),
    ]


async def _show_asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _ASSETS:
        return refused(request, NotFound("There is no such file."))
    return Response(asset(name), media_type=_ASSETS[name], headers=_FOR_EVER)
