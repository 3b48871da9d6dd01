"""The tools of builds."""

from mcp_handoff import builds
from mcp_handoff.builds import Build, BuildPage, UpdateBuild, UpdatedBuild
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import masking, page_of
from mcp_handoff.schema import Limit


class FindBuilds(builds.FindBuilds):
    """List an organization's builds, newest first, on short pages."""

    limit: Limit = 20


def describe_build(build: Build) -> str:
    """Return a build as one line, with why the dispatch of its run waits."""
    line = f"build {build.id} [{build.status}] {build.display_name} ({build.provider})"
    run = build.run
    if run is None or run.last_error is None:
        return line
    if run.attempts == 0 or run.status not in ("queued", "dispatch_failed"):
        return f"{line}; {run.last_error}"
    tried = f"dispatched {run.attempts} times in vain, next at {run.next_attempt_at or 'never'}"
    return f"{line}; {tried}: {run.last_error}"


def _describe_found(result: BuildPage) -> str:
    if not result.items:
        return "No builds match."
    return page_of(map(describe_build, result.items), result.next_cursor)


def _describe_updated(result: UpdatedBuild) -> str:
    return f"Build {result.id} ({result.display_name}) is up to date.{masking(result.masked)}"


FIND_BUILDS = Tool(
    name="find_builds",
    title="Find builds",
    description="List an organization's builds, newest first.",
    request=FindBuilds,
    result=BuildPage,
    perform=Desk.find_builds,
    describe=_describe_found,
    holds_others_words=True,
    reads=True,
)

UPDATE_BUILD = Tool(
    name="update_build",
    title="Update a build",
    description=(
        "Change what is said of a build. Absent fields stay; null clears description and"
        " metadata; metadata is replaced whole."
    ),
    request=UpdateBuild,
    result=UpdatedBuild,
    perform=Desk.update_build,
    describe=_describe_updated,
    holds_others_words=True,
    destructive=True,
    idempotent=True,
    nullable=("description", "metadata"),
)
