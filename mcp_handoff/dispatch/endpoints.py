"""Endpoints: where dispatches go, and what is written to each."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mcp_handoff.dispatch.slack import line
from mcp_handoff.dispatches import Dispatch, Target
from mcp_handoff.references import ticket_address
from mcp_handoff.runs import run_secret

BUILD_TRIGGERED = "build.triggered"


class NotTaken(Exception):
    """A dispatch was not taken: why, the seconds after which to try again that were asked for, and
    whether it never will be (`gone`)."""

    def __init__(self, why: str, *, asked: float | None = None, gone: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.asked = asked
        self.gone = gone


class Endpoint(Protocol):
    """Where a dispatch goes; `secret` (whsec_…) signs it, where there is one."""

    @property
    def url(self) -> str: ...

    @property
    def secret(self) -> str | None: ...

    def body(self, dispatch: Dispatch, now: datetime) -> str:
        """Return what is sent."""
        ...


@dataclass(frozen=True, slots=True)
class BuildEndpoint:
    """Who makes builds: its address, the secret that it shares with us (whsec_…), and where it
    reaches us to report (the address of our /api)."""

    url: str
    secret: str | None = None
    reports_to: str | None = None

    def body(self, dispatch: Dispatch, now: datetime) -> str:
        """Return the message of a triggered build; it says how to report where reports can be
        proved."""
        data = dict(dispatch.payload)
        if self.secret and self.reports_to:
            data["report_url"] = f"{self.reports_to}/runs/{dispatch.id}/report"
            data["report_token"] = run_secret(self.secret, dispatch.id)
        return json.dumps({"type": BUILD_TRIGGERED, "timestamp": now.isoformat(), "data": data})


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A webhook; `desk` is the address under which people and programs reach this desk."""

    target: Target
    desk: str | None = None

    @property
    def url(self) -> str:
        return self.target.url

    @property
    def secret(self) -> str | None:
        return self.target.secret

    def body(self, dispatch: Dispatch, now: datetime) -> str:
        """Return what happened, in the webhook's format, with the ticket's address."""
        message, data = dispatch.payload, dispatch.payload["data"]
        address = ticket_address(self.desk, data["ticket"]) if "ticket" in data else None
        if self.target.format == "slack":
            return json.dumps({"text": line(message, address)})
        told = {**data, "url": address} if address else data
        return json.dumps({**message, "data": told}, ensure_ascii=False)
