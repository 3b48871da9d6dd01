"""Light or dark: as the system has it, or as somebody chose in this browser."""

from starlette.responses import Response

from mcp_handoff.portal.addresses import local_address
from mcp_handoff.portal.forms import read_form
from mcp_handoff.portal.rendering import KEPT_SECONDS, THEME_COOKIE, set_cookie
from mcp_handoff.portal.visits import Visit


async def set_theme(visit: Visit) -> Response:
    """Keep what was chosen, and show the page again."""
    form = await read_form(visit.request)
    response = visit.back_to(local_address(form.one("back") or ""))
    set_cookie(visit.request, response, THEME_COOKIE, form.one("theme") or "", KEPT_SECONDS)
    return response
