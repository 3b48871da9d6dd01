"""Pages made of templates, with what every page has: who sees it, and what guards it."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import nh3
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mcp_handoff.admission import admission_of
from mcp_handoff.markdown import as_html
from mcp_handoff.portal import addresses
from mcp_handoff.principals import LOCAL
from mcp_handoff.references import ticket_path
from mcp_handoff.text import visible

SESSION_COOKIE = "handoff_session"
PAGE_COOKIE = "handoff_page"
PROJECT_COOKIE = "handoff_project"

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""What a browser may do with a page (https://www.w3.org/TR/CSP3/)."""

_TAGS = {
    *("p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
"""What may stand in a text that somebody wrote: no images, which would call other hosts."""


def render(
    request: Request, template: str, status: int = 200, *, let_in: bool = True, **values: Any
) -> HTMLResponse:
    """Return a page, with what leads to the others for whoever was let in."""
    response = HTMLResponse(status_code=status, headers=HEADERS)
    principal = admission_of(request.scope).principal
    key = guard_key(request)
    if key is None:
        key = secrets.token_urlsafe(24)
        set_cookie(request, response, PAGE_COOKIE, key)
    html = (
        _environment()
        .get_template(template)
        .render(
            principal=principal,
            let_in=let_in,
            is_open=principal is LOCAL,
            guard=guard_of(key),
            path=request.url.path,
            **values,
        )
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
) -> None:
    """Set a cookie that no script reads and no other site sends."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def guard_key(request: Request) -> str | None:
    """Return what this browser alone has: its session, or what the first page gave it."""
    return request.cookies.get(SESSION_COOKIE) or request.cookies.get(PAGE_COOKIE)


def guard_of(key: str) -> str:
    """Return what a form of ours holds and no other site knows."""
    return hmac.new(key.encode(), b"form", "sha256").hexdigest()


@lru_cache(maxsize=8)
def asset_address(name: str) -> str:
    """Return where a file of ours is, for as long as it stays as it is."""
    return f"{addresses.STATIC}/{name}?{hashlib.sha256(asset(name)).hexdigest()[:12]}"


@lru_cache(maxsize=8)
def asset(name: str) -> bytes:
    """Return a file of ours."""
    return (files("mcp_handoff.portal") / "static" / name).read_bytes()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mcp_handoff.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    filters: dict[str, Any] = environment.filters
    filters |= {
        "asset": asset_address,
        "day": _day,
        "link": _link,
        "markdown": _markdown,
        "ticket_path": ticket_path,
        "words": _words,
    }
    return environment


def _shown(value: Any) -> Any:
    """Leave out of a text what steers a page or is not seen, and of a page what there is not."""
    if value is None:
        return ""
    if isinstance(value, Markup):
        return value
    return visible(value) if isinstance(value, str) else value


def _markdown(text: str | None) -> Markup:
    """Return somebody's text as HTML that does nothing."""
    if not text:
        return Markup("")
    html = nh3.clean(
        as_html(visible(text)),
        tags=_TAGS,
        attributes={"a": {"href", "title"}},
        url_schemes={"https", "http", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return Markup(html)  # noqa: S704 - it is what was cleaned


def _day(instant: str | None) -> Markup:
    """Return an instant as a person reads it, and as programs do."""
    if not instant:
        return Markup("")
    read = datetime.fromisoformat(instant)
    return Markup('<time datetime="{}">{}</time>').format(instant, f"{read:%d %b %Y, %H:%M} UTC")


def _words(name: str | None) -> str:
    """Return a name of ours, such as a stage's, as words."""
    return (name or "").replace("_", " ")


def _link(address: str | None) -> str | None:
    """Return an address that others gave if it is one of the web, None otherwise."""
    return address if address and address.startswith(("https://", "http://")) else None
