"""Pages made of templates, with what every page has: who sees it, and what guards it."""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from mcp_handoff.admission import admission_of
from mcp_handoff.html.environment import template_named
from mcp_handoff.principals import LOCAL

SESSION_COOKIE = "handoff_session"
PAGE_COOKIE = "handoff_page"
PROJECT_COOKIE = "handoff_project"
ROLES_COOKIE = "handoff_roles"
THEME_COOKIE = "handoff_theme"

KEPT_SECONDS = 365 * 24 * 3600
"""How long a browser keeps what was chosen."""

THEMES = ("system", "light", "dark")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types portal"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""What a browser may do with a page (https://www.w3.org/TR/CSP3/)."""


def render(
    request: Request,
    template: str,
    status: int = 200,
    *,
    let_in: bool = True,
    may_write: bool = False,
    has_settings: bool = True,
    **values: Any,
) -> HTMLResponse:
    """Return a page, with what leads to the others for whoever was let in."""
    response = HTMLResponse(status_code=status, headers=HEADERS)
    admission = admission_of(request.scope)
    principal = admission.principal
    theme, key = request.cookies.get(THEME_COOKIE), guard_key(request)
    if key is None:
        key = secrets.token_urlsafe(24)
        set_cookie(request, response, PAGE_COOKIE, key)
    html = template_named(template).render(
        principal=principal,
        let_in=let_in,
        is_open=principal is LOCAL,
        open_because=admission.open_because,
        guard=guard_of(key),
        may_write=may_write,
        has_settings=has_settings,
        path=request.url.path,
        address=address_of(request),
        theme=theme if theme in THEMES else THEMES[0],
        **values,
    )
    response.body = response.render(html)
    response.headers["Content-Length"] = str(len(response.body))
    return response


def set_cookie(
    request: Request,
    response: HTMLResponse | Any,
    name: str,
    value: str,
    seconds: int | None = None,
    *,
    path: str = "/",
) -> None:
    """Set a cookie that no script reads and no other site sends."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def guard_key(request: Request) -> str | None:
    """Return what this browser alone has: its session, or what the first page gave it."""
    return request.cookies.get(SESSION_COOKIE) or request.cookies.get(PAGE_COOKIE)


def address_of(request: Request) -> str:
    """Return which page it is, with all that its address says."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def guard_of(key: str, salt: str | None = None) -> str:
    """Return what a form of ours holds and no other site knows: another each time, so that nobody
    learns it from how well pages with parts of it compress (https://breachattack.com)."""
    salt = salt or secrets.token_hex(8)
    return f"{salt}.{hmac.new(key.encode(), salt.encode(), 'sha256').hexdigest()}"
