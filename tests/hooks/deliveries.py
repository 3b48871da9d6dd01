"""Deliveries as the forges document them, changed where a test asks for it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mcp_handoff.hooks.forges import FORGES
from mcp_handoff.merges import Delivery, ForgeName

FOLDER = Path(__file__).parent

DELIVERY_ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

HEAD = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
"""The newest commit in what is recorded of GitLab and Forgejo."""

HEADERS: Mapping[ForgeName, tuple[str, str]] = {
    "github": ("x-github-event", "x-github-delivery"),
    "gitlab": ("x-gitlab-event", "idempotency-key"),
    "forgejo": ("x-forgejo-event", "x-forgejo-delivery"),
}


def recorded(name: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what is recorded, such as `gitlab/push`, with these fields changed at any depth."""
    payload = json.loads((FOLDER / f"{name}.json").read_text())
    return changed(payload, changes or {})


def changed(value: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for key, change in changes.items():
        if isinstance(change, Mapping) and isinstance(value.get(key), dict):
            value[key] = changed(value[key], cast(Mapping[str, Any], change))
        else:
            value[key] = change
    return value


def headers_of(forge: ForgeName, event: str) -> dict[str, str]:
    event_header, delivery_header = HEADERS[forge]
    return {event_header: event, delivery_header: DELIVERY_ID}


def read(forge: ForgeName, event: str, payload: object) -> Delivery:
    """Return what a forge reads of a payload."""
    return FORGES[forge].read(headers_of(forge, event), json.dumps(payload).encode())
