"""/runs/{run_id}/report: where a build tells how far it is.

A run's own secret opens this address and no other; the dispatch of the run carries it.
"""

from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import ConfigDict

from mcp_handoff.backend import Store
from mcp_handoff.errors import Unauthenticated
from mcp_handoff.rest.envelopes import ticket_writes
from mcp_handoff.rest.parameters import RunId
from mcp_handoff.rest.requests import made
from mcp_handoff.runs import ReportedRun, ReportRun, RunProgress, run_secret


class ReportBody(RunProgress):
    """How far a run is."""

    model_config = ConfigDict(defer_build=False)


def create_router(store: Store, key: str) -> APIRouter:
    """Return the route over `store`; `key` is what the runs' secrets are derived from."""
    router = APIRouter(prefix="/runs", tags=["runs"])

    @router.post("/{run_id}/report", summary="Report on a run", responses=ticket_writes(404))
    async def report_run(  # pyright: ignore[reportUnusedFunction] - the decorator keeps it
        run_id: RunId, body: ReportBody, authorization: Annotated[str, Header()] = ""
    ) -> ReportedRun:
        _check(authorization, key, run_id)
        return await store.report_run(made(ReportRun, run_id=run_id, **body.model_dump()))

    return router


def _check(authorization: str, key: str, run_id: str) -> None:
    scheme, _, secret = authorization.partition(" ")
    expected = run_secret(key, run_id.lower())
    if scheme.lower() != "bearer" or not compare_digest(secret.strip().encode(), expected.encode()):
        raise Unauthenticated("Send this run's report_token: Authorization: Bearer mhr_...")
