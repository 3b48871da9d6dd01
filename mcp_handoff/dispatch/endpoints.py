"""Endpoints: where dispatches go, and what is written to each."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mcp_handoff.dispatches import Dispatch
from mcp_handoff.runs import run_secret

BUILD_TRIGGERED = "build.triggered"


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
