"""The tools of builds."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from mcp_handoff import builds
from mcp_handoff.builds import Build, BuildPage, ReportBuild, ReportedBuild, UpdatedBuild
from mcp_handoff.desk import Desk
from mcp_handoff.mcp.answers import Answer, Line, Reader, Row, cut, cut_json
from mcp_handoff.mcp.tools.tool import Tool
from mcp_handoff.mcp.tools.words import moment, page_words, written
from mcp_handoff.receivers import NOBODY
from mcp_handoff.schema import Limit
from mcp_handoff.tickets import TriggerBotBuild, TriggeredBuild


class FindBuilds(builds.FindBuilds):
    """List an organization's builds, newest first, on short pages, or read the one with an id."""

    limit: Limit = 20


class UpdateBuild(builds.UpdateBuild):
    """Change what is said of a build. Many clients send null for whatever was not given, so null
    is absent here, and what is to be cleared is named."""

    clear: Annotated[list[Literal["description", "metadata"]], Field(max_length=2)] = Field(
        default_factory=list[Literal["description", "metadata"]]
    )

    @field_validator("clear", mode="after")
    @classmethod
    def _check_clear(cls, clear: list[str], info: ValidationInfo) -> list[str]:
        if given := [name for name in clear if info.data.get(name) is not None]:
            why = f"can't name {given[0]}, which is given"
            raise PydanticCustomError("cleared", "{why}", {"why": why})
        return sorted(set(clear))

    def changes(self) -> dict[str, Any]:
        given = super().changes()
        given.pop("clear", None)
        return {**given, **dict.fromkeys(self.clear)}


class BuildRow(Row):
    """A build: how far it is, what it is made of, and why it failed or waits; of one that was asked
    for by its id also its provider's reference and its metadata."""

    build_id: str
    status: str
    active: bool
    url: Line | None = None
    updated: str | None = None
    next_attempt_at: str | None = None
    waits: Line | None = None
    name: Line
    provider: Line
    build_ref: Line | None = None
    repo: Line | None = None
    description: Line | None = None
    error: Line | None = None
    metadata: Any | None = None


class BuildsAnswer(Answer):
    """A page of builds."""

    THEIRS = "builds"

    next_cursor: str | None = None
    builds: list[BuildRow]


class TriggeredAnswer(Answer):
    """The build that was started, or the one under way."""

    THEIRS = "provider"

    ticket: Line
    build_id: str | None = None
    status: str | None = None
    waits: Line | None = None
    repo: Line | None = None
    provider: Line | None = None


class ReportedAnswer(Answer):
    """A build as it is after the report."""

    THEIRS = "name"

    build_id: str
    status: str
    url: Line | None = None
    masked: list[str] | None = None
    name: Line


class UpdatedAnswer(Answer):
    """A build as it is after the change."""

    THEIRS = "name"

    build_id: str
    status: str
    active: bool
    masked: list[str] | None = None
    name: Line


def build_row(build: Build, *, whole: bool = False) -> BuildRow:
    """Return a build as a row; a `whole` one has what no list shows, too."""
    run = build.run
    waits = run.last_error if run and run.status in ("queued", "dispatch_failed") else None
    whole_at = f"handoff://builds/{build.id}"
    return BuildRow(
        build_id=build.id,
        status=build.status,
        active=build.is_active,
        url=build.url,
        updated=moment(build.updated_at),
        next_attempt_at=moment(run.next_attempt_at) if run and waits else None,
        waits=waits,
        name=build.display_name,
        provider=build.provider,
        build_ref=build.build_ref if whole else None,
        repo=run.repo if run else None,
        description=cut(build.description, whole_at),
        error=cut(build.error_message, whole_at),
        metadata=cut_json(build.metadata, whole_at) if whole and build.metadata else None,
    )


def _tell_found(result: BuildPage, reader: Reader) -> BuildsAnswer:
    rows = [build_row(build, whole=reader.named_build) for build in result.items]
    return BuildsAnswer(
        message=page_words(len(rows), "matching build", result.next_cursor, result.total),
        next_cursor=result.next_cursor,
        builds=rows,
    )


def _tell_triggered(result: TriggeredBuild, reader: Reader) -> TriggeredAnswer:
    ticket = result.ticket
    run = ticket.ai_output.get("build_run", {})
    status = run.get("status", "triggered")
    if result.already:
        done = f"One was under way already, and goes on as it was: the bot build of {ticket.name}"
    else:
        done = f"The bot build of {ticket.name}"
    message = written(result, f"{done} is {status}")
    if run.get("last_error") == NOBODY:
        message += ", and stays so until there is somebody to make it: see waits."
    else:
        follow = "find_builds" if reader.has_store else "get_ticket"
        message += f". Next: {follow} with ticket {ticket.name}, to follow it."
    if result.already:
        message += " replaces with its build_id would give it up for a new one."
    return TriggeredAnswer(
        message=message,
        ticket=ticket.name,
        build_id=run.get("build_id"),
        status=run.get("status"),
        waits=run.get("last_error"),
        provider=run.get("provider"),
        repo=run.get("repo"),
    )


def _tell_reported(result: ReportedBuild, reader: Reader) -> ReportedAnswer:
    if result.already:
        told = f"Nothing was changed: the build is {result.status} already"
    elif result.registered:
        told = f"The build is registered as {result.status}"
    else:
        told = f"The build is now {result.status}"
    if result.status in ("ready", "failed"):
        told += ", which is final."
    else:
        told += f". Next: report_build with build_id {result.id}, once it succeeded or failed."
    return ReportedAnswer(
        message=written(result, told, result.masked),
        build_id=result.id,
        status=result.status,
        url=result.url,
        masked=result.masked,
        name=result.display_name,
    )


def _tell_updated(result: UpdatedBuild, reader: Reader) -> UpdatedAnswer:
    return UpdatedAnswer(
        message=written(result, f"Build {result.id} is up to date.", result.masked),
        build_id=result.id,
        status=result.status,
        active=result.is_active,
        masked=result.masked,
        name=result.display_name,
    )


TRIGGER_BOT_BUILD = Tool(
    name="trigger_bot_build",
    title="Start a bot build",
    description=(
        "Start a build: a bot, or coding agent, works on an open ticket and fixes it; run it"
        " again if it failed. One under way is returned unchanged; replaces (its build_id) gives"
        " that up for a new one. find_builds follows it."
    ),
    request=TriggerBotBuild,
    perform=Desk.trigger_bot_build,
    answer=TriggeredAnswer,
    tell=_tell_triggered,
    idempotent=True,
    open_world=True,
)

FIND_BUILDS = Tool(
    name="find_builds",
    title="Find builds",
    description=(
        "See what happened to a build: list those of a ticket or org, newest first: which are"
        " running, did one finish its run, why it failed or waits. wait_s waits for a change first."
    ),
    request=FindBuilds,
    perform=Desk.find_builds,
    answer=BuildsAnswer,
    tell=_tell_found,
    reads=True,
    fixed={"silent_since": None},
)

REPORT_BUILD = Tool(
    name="report_build",
    title="Report a build",
    description=(
        "Report how a build went: that it is running, succeeded or failed, by build_id; or register"
        " one that CI made for a ticket, by ticket, build_ref and provider. Its run and ticket"
        " follow. What succeeded or failed is final. To start one use trigger_bot_build."
    ),
    request=ReportBuild,
    perform=Desk.report_build,
    answer=ReportedAnswer,
    tell=_tell_reported,
    idempotent=True,
)

UPDATE_BUILD = Tool(
    name="update_build",
    title="Update a build",
    description=(
        "Change a build: rename it, set description or metadata (replaced whole), mark it"
        " active or inactive. What is not given stays; clear empties."
    ),
    request=UpdateBuild,
    perform=Desk.update_build,
    answer=UpdatedAnswer,
    tell=_tell_updated,
    destructive=True,
    idempotent=True,
)
