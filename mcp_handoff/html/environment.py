"""Templates, what fills them in safely, and the files that go with them."""

import hashlib
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import nh3
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from mcp_handoff.references import ticket_path
from mcp_handoff.text.characters import visible
from mcp_handoff.text.markdown import as_html

STATIC = "/static"
"""Where the files are served."""

_TAGS = {
    *("p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
"""What may stand in a text that somebody wrote: no images, which would call other hosts."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
"""In which units it is told how long ago something was, and from how many seconds on."""

_EXACT = "%d %b %Y, %H:%M UTC"


def template_named(name: str) -> Template:
    """Return a template; what it shows is escaped, and does nothing that steers a page."""
    return _environment().get_template(name)


@lru_cache(maxsize=8)
def asset_address(name: str) -> str:
    """Return where a file of ours is, for as long as it stays as it is."""
    return f"{STATIC}/{name}?{hashlib.sha256(asset(name)).hexdigest()[:12]}"


@lru_cache(maxsize=8)
def asset(name: str) -> bytes:
    """Return a file of ours."""
    return (files("mcp_handoff.html") / "static" / name).read_bytes()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mcp_handoff.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    filters: dict[str, Any] = environment.filters
    filters |= {
        "ago": _ago,
        "asset": asset_address,
        "day": _day,
        "inlined": _inlined,
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
    return Markup('<time datetime="{}">{}</time>').format(instant, f"{read:{_EXACT}}")


def _ago(instant: str | None) -> Markup:
    """Return an instant as how long ago it was, with what it is exactly for whoever points at
    it."""
    if not instant:
        return Markup("")
    read = datetime.fromisoformat(instant)
    seconds = (datetime.now(UTC) - read).total_seconds()
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (0, ""))
    told = f"{seconds // size:.0f} {unit} ago" if size else "just now"
    exact = f"{read:{_EXACT}}"
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(instant, exact, told)


def _words(name: str | None) -> str:
    """Return a name of ours, such as a stage's, as words."""
    return (name or "").replace("_", " ")


def _inlined(name: str) -> Markup:
    """Return a file of ours as the text of a style or script element."""
    return Markup(asset(name).decode())  # noqa: S704 - it is ours


def _link(address: str | None) -> str | None:
    """Return an address that others gave if it is one of the web, None otherwise."""
    return address if address and address.startswith(("https://", "http://")) else None
