"""/docs: the description as a page for people, which loads nothing from elsewhere.

It holds no secret, so that it takes no token; whoever tries a call out enters one in it.
"""

import re
from base64 import b64encode
from hashlib import sha256

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

STATIC_PATH = "/static-offline-docs"
"""Where fastapi-offline serves Swagger UI's files."""

_INLINE_SCRIPT = re.compile("<script>(.*?)</script>", re.DOTALL)


def add_docs_page(api: FastAPI, root: str) -> None:
    """Serve the page of an API that is mounted at `root`."""
    page = get_swagger_ui_html(
        openapi_url=f"{root}{api.openapi_url}",
        title=api.title,
        swagger_js_url=f"{root}{STATIC_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{STATIC_PATH}/swagger-ui.css",
        swagger_favicon_url=f"{root}{STATIC_PATH}/favicon.png",
    )
    html = bytes(page.body).decode()
    headers = {
        "Content-Security-Policy": _policy(_INLINE_SCRIPT.findall(html)),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }

    async def docs_page(_: Request) -> Response:
        return Response(html, media_type="text/html", headers=headers)

    api.add_route("/docs", docs_page, include_in_schema=False)


def _policy(scripts: list[str]) -> str:
    """Return a policy (https://www.w3.org/TR/CSP3/) that lets run what this server serves, and of
    inline scripts these alone. Swagger UI sets styles inline, draws its icons from data:, and puts
    HTML that it cleaned into the page as text, which Trusted Types would stop."""
    digests = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(["script-src 'self'", *(f"'sha256-{digest}'" for digest in digests)]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
