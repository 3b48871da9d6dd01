"""Builds over an API."""

from mcp_handoff.actors import Caller
from mcp_handoff.builds import (
    EVENT_BY_REPORT,
    Build,
    BuildPage,
    CreateBuild,
    FindBuilds,
    GetBuild,
    ReportBuild,
    ReportedBuild,
    UpdateBuild,
    UpdatedBuild,
)
from mcp_handoff.errors import NotFound, Unsupported
from mcp_handoff.events import Change
from mcp_handoff.remote.api import Api, sent_key
from mcp_handoff.remote.paths import builds_path
from mcp_handoff.remote.responses import objects, parse_response
from mcp_handoff.text.masking import masked_fields

_UNLESS_GIVEN = {"status": "ready"}
"""The status of a build that comes without one."""


async def find_builds(api: Api, caller: Caller, request: FindBuilds) -> BuildPage:
    """List an organization's builds, or read the one with an id. Raises Unsupported where the API
    lists none, or is to wait or to say which are silent and is no other mcp-handoff."""
    if request.build_id:
        named = GetBuild.model_validate(request.model_dump(include={"build_id", "org", "wait_s"}))
        one = await get_build(api, caller, named)
        return BuildPage(items=[one], total=1)
    for argument in ("wait_s", "silent_since"):
        if getattr(request, argument):
            await api.builds.require_ours(argument)
    query = {
        "ticket": request.ticket,
        "project": caller.project if request.ticket else None,
        "status": request.status,
        "silent_since": request.silent_since,
        "limit": request.limit,
        "cursor": request.cursor,
    }
    path = builds_path(request.org or caller.organization)
    try:
        response = await api.builds.send("GET", path, query=query, wait_s=request.wait_s)
    except (NotFound, Unsupported):
        if api.builds.is_ours:
            raise
        raise Unsupported(
            f"The API at {api.builds.address} lists no builds (GET …/builds)."
        ) from None
    items = [{**_UNLESS_GIVEN, **row} for row in objects(response.get("items"))]
    if not api.builds.is_ours:
        # An API may not know how to choose.
        items = [
            item
            for item in items
            if request.ticket in (None, item.get("source_id"))
            and request.status in (None, item["status"])
        ]
    return parse_response(BuildPage, {**response, "items": items}, wrote=False)


async def create_build(api: Api, caller: Caller, request: CreateBuild) -> UpdatedBuild:
    """Register a build that was made elsewhere."""
    given = request.model_dump(exclude={"org", "idempotency_key"}, exclude_none=True)
    body, masked = masked_fields(given)
    key = sent_key(caller, request.idempotency_key)
    response = await api.builds.send("POST", builds_path(request.org), body=body, key=key)
    fields = {**_UNLESS_GIVEN, **response}
    created = parse_response(UpdatedBuild, fields, wrote=True, masked=masked)
    api.feed.publish([Change("build.created", build_id=created.id)])
    return created


async def get_build(api: Api, caller: Caller, request: GetBuild) -> Build:
    """Read one build. Raises Unsupported where the API is to wait and is no other mcp-handoff."""
    if request.wait_s:
        await api.builds.require_ours("wait_s")
    path = f"{builds_path(request.org or caller.organization)}/{request.build_id}"
    response = await api.builds.send("GET", path, wait_s=request.wait_s)
    return parse_response(Build, {**_UNLESS_GIVEN, **response}, wrote=False)


async def update_build(api: Api, caller: Caller, request: UpdateBuild) -> UpdatedBuild:
    """Change what was given, null included."""
    body, masked = masked_fields(request.changes())
    path = f"{builds_path(request.org or caller.organization)}/{request.build_id}"
    key = sent_key(caller, request.idempotency_key)
    response = await api.builds.send("PATCH", path, body=body, key=key)
    fields = {**_UNLESS_GIVEN, **response}
    updated = parse_response(UpdatedBuild, fields, wrote=True, masked=masked)
    api.feed.publish([Change("build.updated", build_id=updated.id)])
    return updated


async def report_build(api: Api, caller: Caller, request: ReportBuild) -> ReportedBuild:
    """Tell how far a build is. Raises Unsupported where the API takes no reports, and for a build
    that is named by its ticket: no API registers one so."""
    if request.build_id is None:
        raise Unsupported(
            f"The API at {api.builds.address} takes no report by ticket, build_ref and provider;"
            " name the build by its build_id."
        )
    told = {"status", "error_message", "build_ref", "url"}
    body, masked = masked_fields(request.model_dump(include=told, exclude_none=True))
    path = f"{builds_path(request.org or caller.organization)}/{request.build_id}/report"
    key = sent_key(caller, request.idempotency_key)
    try:
        response = await api.builds.send("POST", path, body=body, key=key)
    except (NotFound, Unsupported) as error:
        if api.builds.is_ours and error.fields:
            raise
        # An address that is not there names no field.
        raise Unsupported(
            f"The API at {api.builds.address} takes no reports (POST …/builds/{{build_id}}/report)."
        ) from None
    fields = {**_UNLESS_GIVEN, **response}
    reported = parse_response(ReportedBuild, fields, wrote=True, masked=masked)
    if not reported.already:
        ticket_id = reported.source_id if reported.source_type == "ticket" else None
        kind = EVENT_BY_REPORT[request.status]
        api.feed.publish([Change(kind, ticket_id, build_id=reported.id)])
    return reported
