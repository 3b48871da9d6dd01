"""/runs/{run_id}/report: where a build reports how far it is.

A run's own secret opens this address and no other; the dispatch of the run carries it.
"""

from hmac import compare_digest
from typing import Annotated

from fastapi import APIRouter, Header, Request

from mcp_handoff.actors import Actor
from mcp_handoff.admission import admission_of
from mcp_handoff.desk import Visitor
from mcp_handoff.errors import Unauthenticated
from mcp_handoff.principals import Principal
from mcp_handoff.rest.bodies import json_body
from mcp_handoff.rest.dependencies import DeskDep, read_body
from mcp_handoff.rest.envelopes import ticket_writes
from mcp_handoff.rest.parameters import RunId
from mcp_handoff.runs import ReportedRun, ReportRun, run_secret
from mcp_handoff.validation import Arguments

router = APIRouter(prefix="/runs", tags=["runs"])


@router.post(
    "/{run_id}/report",
    summary="Report on a run",
    responses=ticket_writes(404),
    openapi_extra=json_body(ReportRun, without={"run_id"}),
)
async def report_run(
    run_id: RunId, desk: DeskDep, request: Request, authorization: Annotated[str, Header()] = ""
) -> ReportedRun:
    scheme, _, secret = authorization.partition(" ")
    expected = run_secret(request.app.state.report_key, run_id.lower())
    if scheme.lower() != "bearer" or not compare_digest(secret.strip().encode(), expected.encode()):
        raise Unauthenticated("Send this run's report_token: Authorization: Bearer mhr_...")
    admission = admission_of(request.scope)
    admission.principal = Principal(id=f"run {run_id}", name="run", role="bot")
    visitor = Visitor("rest", Actor(role="bot", source="report"), admission)
    body = await read_body(request)
    return await desk.report_run(visitor, Arguments(ReportRun, body, {"run_id": run_id}))
