"""The OpenAPI description, without what FastAPI says of every API and is not true of this one."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

MOUNT_PATH = "/api"
"""Where the API is mounted."""

_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `mcp-handoff token create`, or an OAuth access token.",
}
"""What is checked in front of this API. As a dependency FastAPI would look for it at each call."""

_FOREIGN = {"HTTPValidationError", "ValidationError"}
_FOREIGN_SCHEMA = {"$ref": "#/components/schemas/HTTPValidationError"}


def describe(api: FastAPI) -> dict[str, Any]:
    """Return the description of `api`: its own errors alone, none of FastAPI's own shape."""
    described = get_openapi(
        title=api.title,
        version=api.version,
        summary=api.summary,
        routes=api.routes,
        servers=[{"url": MOUNT_PATH}],
    )
    for operations in described["paths"].values():
        for operation in operations.values():
            body = operation["responses"].get("422", {}).get("content", {})
            if body.get("application/json", {}).get("schema") == _FOREIGN_SCHEMA:
                del operation["responses"]["422"]
    for name in _FOREIGN:
        described["components"]["schemas"].pop(name, None)
    described["components"]["securitySchemes"] = {"HTTPBearer": _BEARER}
    described["security"] = [{"HTTPBearer": []}]
    return described
