"""The pages of the REST API: its operations with their parameters and bodies, and its records."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import anyio

from mcp_handoff.config import read_settings
from mcp_handoff.desk import Desk
from mcp_handoff.rest.api import create_api
from mcp_handoff.rest.description import MOUNT_PATH
from mcp_handoff.sqlite.database import SqliteDatabase
from mcp_handoff.store.store_backend import StoreBackend
from website.pages import put_together, table
from website.schemas import rows_of, type_of

_BEGIN = """\
# REST operations

All of them are under `/api`. [REST](../rest.md) explains them; [openapi.json](openapi.json)
describes them for programs, as does a server itself at `/api/openapi.json`. A token goes into
`Authorization: Bearer …`.
"""

_FIELDS = ("field", "type", "required", "what holds")


def page() -> str:
    """Return the page of the operations."""
    described = _described()
    operations = [
        part
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        for part in _told(f"{method.upper()} {MOUNT_PATH}{path}", operation)
    ]
    return put_together([_BEGIN, *operations, *_records(described["components"]["schemas"])])


def description() -> str:
    """Return the OpenAPI description, as a server gives it."""
    return json.dumps(_described(), ensure_ascii=False, indent=1)


@lru_cache(maxsize=1)
def _described() -> Mapping[str, Any]:
    """Return what the API says of itself; no call is made, but it stands over a desk."""
    with tempfile.TemporaryDirectory(prefix="mcp-handoff-docs-") as folder:
        store = StoreBackend(SqliteDatabase.open(Path(folder) / "handoff.db"))
        desk = Desk(store, read_settings({"HANDOFF_PROJECT": "shop"}, Path(folder)))
        described = create_api(desk, report_key="no key: nobody calls").openapi()
        anyio.run(store.close)
        return described


def _told(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {operation['summary']}"
    yield f"`{name}`"
    yield operation.get("description", "")
    parameters = operation.get("parameters", [])
    if parameters:
        fields = {one["name"]: {**one["schema"], **one} for one in parameters}
        required = [one["name"] for one in parameters if one["required"]]
        rows = rows_of({"properties": fields, "required": required})
        placed = zip(rows, parameters, strict=True)
        head = ("parameter", "in", *_FIELDS[1:])
        yield table(head, ((row[0], one["in"], *row[1:]) for row, one in placed))
    if "requestBody" in operation:
        [body] = operation["requestBody"]["content"].values()
        yield table(("in the body", *_FIELDS[1:]), rows_of(body["schema"]))
    yield f"Answers {_statuses(operation['responses'])}."


def _statuses(responses: Mapping[str, Any]) -> str:
    done = min(responses)
    [body] = responses[done]["content"].values()
    others = ", ".join(sorted(status for status in responses if status != done))
    return f"{done} with {type_of(body['schema'])}, else {others}"


def _records(schemas: Mapping[str, Any]) -> Iterator[str]:
    yield "## Records"
    for name, schema in schemas.items():
        yield f"### {name}"
        yield " ".join(schema.get("description", "").split())
        yield table(_FIELDS, rows_of(schema))
