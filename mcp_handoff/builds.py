"""Builds, the entries of an organization's registry.

Shapes: the builds API's documented page "Update build" (docs/rest.md).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from mcp_handoff.actors import Caller
from mcp_handoff.errors import Forbidden
from mcp_handoff.events import EventKind
from mcp_handoff.principals import Principal
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName
from mcp_handoff.runs import BuildRun, BuildUrl, ErrorMessage, Report
from mcp_handoff.schema import (
    STORABLE,
    Cursor,
    IdempotencyKey,
    Instant,
    JsonObject,
    Limit,
    Name,
    Record,
    Replayable,
    Request,
    Timestamp,
    Uuid,
    WaitSeconds,
)

BuildStatus = Literal["queued", "building", "ready", "failed"]

STATUS_BY_REPORT: Mapping[Report, BuildStatus] = {
    "running": "building",
    "succeeded": "ready",
    "failed": "failed",
}
"""What a report makes of a build."""

EVENT_BY_REPORT: Mapping[Report, EventKind] = {
    "running": "build.running",
    "succeeded": "build.succeeded",
    "failed": "build.failed",
}
"""What a report that takes a build further leaves in history."""

UNSPECIFIED_PROVIDER = "unspecified"
"""What a build's provider reads when whoever triggered it named none."""

Organization = Name
"""An organization's slug."""

_ORDER: tuple[BuildStatus, ...] = ("queued", "building", "ready", "failed")
_FINAL = frozenset({"ready", "failed"})

_ValueT = TypeVar("_ValueT")


def _apart_from_id(value: _ValueT, info: ValidationInfo) -> _ValueT:
    if value is not None and info.data.get("build_id") is not None:
        why = "can't be given beside build_id, which names one build already"
        raise PydanticCustomError("beside", "{why}", {"why": why})
    return value


def _required_without_id(value: _ValueT, info: ValidationInfo) -> _ValueT:
    if value is None and info.data.get("build_id", "wrong") is None:
        raise PydanticCustomError("without", "{why}", {"why": "is required without build_id"})
    return value


def _only_of_failed(value: _ValueT, info: ValidationInfo) -> _ValueT:
    if value is not None and info.data.get("status", "failed") != "failed":
        why = "can be given only with status failed"
        raise PydanticCustomError("not_failed", "{why}", {"why": why})
    return value


class Build(Record):
    """A build as the builds API returns it."""

    id: str
    build_ref: str
    display_name: str
    description: str | None = None
    provider: str
    status: BuildStatus
    source_type: str
    source_id: str | None = None
    is_active: bool
    metadata: dict[str, Any] | None = None
    error_message: str | None = None
    url: str | None = None
    organization_id: str | None
    created_by: str | None = None
    principal_id: str | None = None
    principal_name: str | None = None
    created_at: Timestamp
    updated_at: Timestamp
    run: BuildRun | None = None


class UpdatedBuild(Build, Replayable):
    """The build as it now is."""

    masked: list[str] | None = None


class FindBuilds(Request):
    """List an organization's builds, newest first, or read the one with an id; at the next change
    of one of them if asked to wait for that. `silent_since` chooses active ones that are queued or
    building and of which nothing was heard since."""

    org: Organization | None = None
    build_id: Uuid | None = None
    ticket: Annotated[TicketName | None, AfterValidator(_apart_from_id)] = None
    status: Annotated[BuildStatus | None, AfterValidator(_apart_from_id)] = None
    silent_since: Annotated[Instant | None, AfterValidator(_apart_from_id)] = None
    wait_s: WaitSeconds = 0
    limit: Limit = 50
    cursor: Annotated[Cursor | None, AfterValidator(_apart_from_id)] = None

    @property
    def awaited(self) -> str:
        """What is waited for, in words."""
        if self.build_id:
            return f"build {self.build_id}"
        return f"a build of {self.ticket}" if self.ticket else "any build"


class BuildPage(Record):
    """Builds, in the way the builds API lists them; `total` is how many match in all: COUNTED + 1
    stands for more, None for not counted."""

    items: list[Build]
    next_cursor: str | None = None
    total: int | None = None


class CreateBuild(Request):
    """Register a build that was made elsewhere."""

    org: Organization
    build_ref: Name
    display_name: Name
    provider: Name
    description: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None
    metadata: JsonObject | None = None
    idempotency_key: IdempotencyKey | None = None


class GetBuild(Request):
    """Read one build, at its next change if asked to wait for that."""

    build_id: Uuid
    wait_s: WaitSeconds = 0
    org: Organization | None = None

    @property
    def awaited(self) -> str:
        """What is waited for, in words."""
        return f"build {self.build_id}"


class UpdateBuild(Request):
    """Change what is said of a build.

    A field that is absent stays; null clears `description` and `metadata` and is refused for the
    other two; `metadata` is replaced whole.
    """

    build_id: Uuid
    org: Organization | None = None
    description: Annotated[str, StringConstraints(max_length=2000), STORABLE] | None = None
    # Factories, so that no default is shown for what stays as it is when it is absent.
    display_name: Name = Field(default_factory=str)
    is_active: bool = Field(default_factory=bool)
    metadata: JsonObject | None = None
    idempotency_key: IdempotencyKey | None = None

    def changes(self) -> dict[str, Any]:
        """Return the fields that the caller gave to be changed, null included."""
        given = self.model_fields_set - {"build_id", "org", "idempotency_key"}
        return {name: getattr(self, name) for name in sorted(given)}


class ReportBuild(Request):
    """Tell how far a build is: one that is named by its id, or by the ticket that it is for with
    its provider and the provider's own reference, which registers it where it is not known."""

    build_id: Uuid | None = None
    ticket: Annotated[
        TicketName | None,
        AfterValidator(_apart_from_id),
        AfterValidator(_required_without_id),
        Field(validate_default=True),
    ] = None
    build_ref: Annotated[
        Name | None, AfterValidator(_required_without_id), Field(validate_default=True)
    ] = None
    provider: Annotated[
        Name | None,
        AfterValidator(_apart_from_id),
        AfterValidator(_required_without_id),
        Field(validate_default=True),
    ] = None
    status: Report
    error_message: Annotated[ErrorMessage | None, AfterValidator(_only_of_failed)] = None
    url: BuildUrl | None = None
    org: Organization | None = None
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class ReportedBuild(UpdatedBuild):
    """The build as it now is: `registered` by this report, or `already` as far or further before
    it, and unchanged."""

    registered: bool = False
    already: bool = False


class BuildOperations(Protocol):
    """What a backend does with builds; each stays within an organization."""

    async def find_builds(self, caller: Caller, request: FindBuilds, /) -> BuildPage:
        """List an organization's builds, newest first, or read the one with an id."""
        ...

    async def create_build(self, caller: Caller, request: CreateBuild, /) -> UpdatedBuild:
        """Register a build that was made elsewhere; its status is ready."""
        ...

    async def get_build(self, caller: Caller, request: GetBuild, /) -> Build:
        """Read one build."""
        ...

    async def update_build(self, caller: Caller, request: UpdateBuild, /) -> UpdatedBuild:
        """Change what is said of a build; absent fields stay."""
        ...

    async def report_build(self, caller: Caller, request: ReportBuild, /) -> ReportedBuild:
        """Take a build further as it is reported, with its run and its ticket where it has one;
        what is late or repeated changes nothing. One that a ticket has not is registered for it.
        """
        ...


def is_further(status: BuildStatus, reported: BuildStatus) -> bool:
    """Tell whether a report takes a build further: ready and failed are final."""
    return status not in _FINAL and _ORDER.index(reported) > _ORDER.index(status)


def require_registrar(principal: Principal) -> None:
    """Refuse to register a build for whoever sees some projects alone (Forbidden): a build that no
    ticket started belongs to the whole organization."""
    if principal.projects is not None:
        raise Forbidden("A token that is limited to projects registers no builds.")
