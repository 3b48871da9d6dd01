"""The Backend over an API: each operation as a request, and what its answer means."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from mcp_handoff.actors import Actor, Caller
from mcp_handoff.builds import (
    Build,
    BuildPage,
    CreateBuild,
    FindBuilds,
    GetBuild,
    UpdateBuild,
    UpdatedBuild,
)
from mcp_handoff.changes import Followers
from mcp_handoff.errors import (
    HandoffError,
    NotFound,
    OutcomeUnknown,
    Unsupported,
    ValidationFailed,
)
from mcp_handoff.events import Change, EventKind
from mcp_handoff.masking import masked_fields
from mcp_handoff.projects import CreatedProject, CreateProject, ListProjects, ProjectList
from mcp_handoff.references import TicketKey, parse_name
from mcp_handoff.remote.client import ApiClient
from mcp_handoff.remote.rows import acted, build, filed, record, rows, ticket
from mcp_handoff.schema import Request
from mcp_handoff.suggestions import (
    ActedSuggestion,
    ActOnSuggestion,
    ListSuggestions,
    SuggestClose,
    SuggestedClose,
    Suggestion,
    SuggestionPage,
)
from mcp_handoff.tickets import (
    REPEAT_WINDOW_SECONDS,
    CreatedTicket,
    CreateTicket,
    FindTickets,
    GetTicket,
    ListTickets,
    TicketDetail,
    TicketList,
    TicketPage,
    TriggerBotBuild,
    TriggeredBuild,
)
from mcp_handoff.tokens import Identity

_CONTENT = (
    "title",
    "description",
    "request_type",
    "roles",
    "priority",
    "blocking",
    "evidence",
    "suggested_resolution",
    "implementation_notes",
)
_EXECUTED: EventKind = "suggestion.executed"
_ACTED: Mapping[str, EventKind] = {
    "declined": "suggestion.declined",
    "skipped": "suggestion.skipped",
}
_NOT_THERE = (NotFound, Unsupported, ValidationFailed)
_PAGE, _PAGES = 200, 10
"""How many tickets are looked through for one that the API can't be asked for by name."""


class ApiBackend:
    """Speaks to a ticket API and a builds API; see `Backend` for what the operations promise.

    What an API documents no endpoint for raises Unsupported, and names it.
    """

    def __init__(self, tickets: ApiClient, builds: ApiClient) -> None:
        self._tickets = tickets
        self._builds = builds
        self._followers = Followers()

    async def create_ticket(self, caller: Caller, request: CreateTicket) -> CreatedTicket:
        project = request.project or caller.project
        content, masked = masked_fields(_given(request, _CONTENT))
        body = {**content, **_stamp(caller.actor)}
        path = f"{_project(project)}/tickets"
        try:
            answer = await self._tickets.send("POST", path, body=body, key=request.idempotency_key)
        except OutcomeUnknown as unknown:
            answer = {"ticket": await self._look_for(path, content, unknown)}
        told = {**filed(request, content, caller.actor), **ticket(answer.get("ticket"), project)}
        created = {"deduplicated": False, **answer, "ticket": told, **_masked(masked)}
        result = record(CreatedTicket, created, wrote=True)
        if not result.deduplicated:
            self._tell("ticket.created", result.ticket.id, result.ticket.reference)
        return result

    async def find_tickets(self, caller: Caller, request: FindTickets) -> TicketPage:
        project = request.project or caller.project
        query = {
            "q": request.query,
            "status": None if request.status == "any" else request.status,
            "stage": request.stage,
            "role": request.role,
            "request_type": request.request_type,
            "limit": request.limit,
            "cursor": request.cursor,
            "slim": 1,
        }
        answer = await self._tickets.send("GET", f"{_project(project)}/tickets", query=_set(query))
        found = [ticket(row, project) for row in rows(answer, "tickets")]
        wanted = [row for row in found if request.request_type in (None, row.get("request_type"))]
        return record(TicketPage, {**answer, "tickets": wanted}, wrote=False)

    async def list_tickets(self, caller: Caller, request: ListTickets) -> TicketList:
        query = {
            "q": request.query,
            "stage": ",".join(request.stages) or None,
            **request.model_dump(exclude={"project", "query", "stages"}),
        }
        path = f"{_project(request.project)}/tickets"
        answer = await self._tickets.send("GET", path, query=_set(query))
        found = [ticket(row, request.project) for row in rows(answer, "tickets")]
        return record(TicketList, {**answer, "tickets": found}, wrote=False)

    async def get_ticket(self, caller: Caller, request: GetTicket) -> TicketDetail:
        project = _project_of(request, caller)
        try:
            answer = await self._tickets.send("GET", _ticket(project, request.ticket))
        except _NOT_THERE:
            if self._tickets.is_ours:
                raise
            project = request.project or caller.project
            answer = {"ticket": await self._row(project, request.ticket)}
        told = {**answer, "ticket": ticket(answer.get("ticket"), project)}
        return record(TicketDetail, told, wrote=False)

    async def trigger_bot_build(self, caller: Caller, request: TriggerBotBuild) -> TriggeredBuild:
        body, masked = masked_fields(_given(request, ("provider", "repo")))
        project, name = await self._place(request, caller)
        answer = await self._tickets.send(
            "POST",
            f"{_ticket(project, name)}/trigger-bot-build",
            body=body,
            key=request.idempotency_key,
        )
        told = {"id": name, "status": "open", **ticket(answer.get("ticket"), project)}
        result = record(TriggeredBuild, {**answer, "ticket": told, **_masked(masked)}, wrote=True)
        made = result.ticket.ai_output.get("build_run", {}).get("build_id")
        self._tell("build.triggered", result.ticket.id, result.ticket.reference, made)
        return result

    async def list_suggestions(self, caller: Caller, request: ListSuggestions) -> SuggestionPage:
        query = {
            "status": None if request.status == "any" else request.status,
            "limit": request.limit,
            "cursor": request.cursor,
        }
        path = f"{_project(request.project or caller.project)}/ai-suggestions"
        answer = await self._tickets.send("GET", path, query=_set(query))
        return record(SuggestionPage, answer, wrote=False)

    async def suggest_close(self, caller: Caller, request: SuggestClose) -> SuggestedClose:
        project = _project_of(request, caller)
        content, masked = masked_fields(
            _given(request, ("evidence", "confidence", "merge_sha", "pr_number", "repo"))
        )
        body = {"ticket_id": request.ticket, **content}
        path = f"{_project(project)}/ai-suggestions"
        try:
            answer = await self._tickets.send("POST", path, body=body, key=request.idempotency_key)
        except (NotFound, Unsupported) as error:
            lacking = "takes no suggestions (POST …/ai-suggestions)"
            raise _lacking(self._tickets, error, lacking) from None
        result = record(SuggestedClose, {**answer, **_masked(masked)}, wrote=True)
        self._tell_of("suggestion.created", result.suggestion)
        return result

    async def act_on_suggestion(self, caller: Caller, request: ActOnSuggestion) -> ActedSuggestion:
        body, masked = masked_fields(_given(request, ("action", "reason")))
        project = _project(request.project or caller.project)
        path = f"{project}/ai-suggestions/{request.suggestion_id}/action"
        answer = await self._tickets.send("POST", path, body=body)
        result = record(ActedSuggestion, {**acted(answer), **_masked(masked)}, wrote=True)
        self._tell_of(_ACTED.get(result.suggestion.status, _EXECUTED), result.suggestion)
        return result

    async def find_builds(self, caller: Caller, request: FindBuilds) -> BuildPage:
        path = _builds(request.org, caller)
        query = {
            "ticket": request.ticket,
            "project": caller.project if request.ticket else None,
            **request.model_dump(include={"status", "limit", "cursor"}),
        }
        try:
            answer = await self._builds.send("GET", path, query=_set(query))
        except (NotFound, Unsupported) as error:
            raise _lacking(self._builds, error, "lists no builds (GET …/builds)") from None
        found = [build(row) for row in rows(answer, "items")]
        chosen = found if self._builds.is_ours else _chosen(found, request)
        return record(BuildPage, {**answer, "items": chosen}, wrote=False)

    async def create_build(self, caller: Caller, request: CreateBuild) -> UpdatedBuild:
        names = ("build_ref", "display_name", "provider", "description", "metadata")
        body, masked = masked_fields(_given(request, names))
        answer = await self._builds.send("POST", _builds(request.org, caller), body=body)
        result = record(UpdatedBuild, {**build(answer), **_masked(masked)}, wrote=True)
        self._tell("build.created", build_id=result.id)
        return result

    async def get_build(self, caller: Caller, request: GetBuild) -> Build:
        path = f"{_builds(request.org, caller)}/{request.build_id}"
        return record(Build, build(await self._builds.send("GET", path)), wrote=False)

    async def update_build(self, caller: Caller, request: UpdateBuild) -> UpdatedBuild:
        changes, masked = masked_fields(request.changes())
        path = f"{_builds(request.org, caller)}/{request.build_id}"
        answer = await self._builds.send("PATCH", path, body=changes)
        result = record(UpdatedBuild, {**build(answer), **_masked(masked)}, wrote=True)
        self._tell("build.updated", build_id=result.id)
        return result

    async def list_projects(self, caller: Caller, request: ListProjects) -> ProjectList:
        try:
            answer = await self._tickets.send("GET", "/projects")
        except (NotFound, Unsupported):
            answer = {"projects": await self._mentioned_projects()}
        return record(ProjectList, answer, wrote=False)

    async def create_project(self, caller: Caller, request: CreateProject) -> CreatedProject:
        body = request.model_dump(exclude_none=True)
        answer = await self._tickets.send("POST", "/projects", body=body)
        return record(CreatedProject, answer, wrote=True)

    async def whoami(self) -> Identity:
        try:
            return record(Identity, await self._tickets.send("GET", "/me"), wrote=False)
        except NotFound as error:
            raise _lacking(self._tickets, error, "does not tell (GET /me)") from None

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        return self._followers.following()

    async def close(self) -> None:
        await self._tickets.close()
        await self._builds.close()

    async def _place(self, request: TriggerBotBuild, caller: Caller) -> tuple[str, str]:
        """Return the project and the name by which the API knows a ticket: its id, unless
        another mcp-handoff answers."""
        direct = _project_of(request, caller), request.ticket
        if self._tickets.is_ours or parse_name(request.ticket).id is not None:
            return direct
        project = request.project or caller.project
        try:
            row = await self._row(project, request.ticket)
        except NotFound:
            if self._tickets.is_ours:
                return direct
            raise
        return direct if self._tickets.is_ours else (project, str(row["id"]))

    async def _row(self, project: str, name: str) -> Mapping[str, Any]:
        """Return a ticket's row out of the list of its project."""
        key = parse_name(name)
        query = {"q": key.number, "limit": _PAGE}
        for _ in range(_PAGES):
            path = f"{_project(project)}/tickets"
            answer = await self._tickets.send("GET", path, query=_set(query))
            for row in rows(answer, "tickets"):
                if _is_named(row, key):
                    return row
            query["cursor"] = answer.get("next_cursor")
            if query["cursor"] is None:
                break
        why = f"names no ticket in project {project}"
        raise NotFound.at("ticket", why, "find_tickets shows those there are")

    async def _look_for(
        self, path: str, content: Mapping[str, Any], unknown: OutcomeUnknown
    ) -> Mapping[str, Any]:
        """Return the ticket that was filed although no answer came; raise `unknown` when there is
        none."""
        try:
            answer = await self._tickets.send(
                "GET", path, query={"q": content["title"], "limit": 20}
            )
        except HandoffError:
            raise unknown from None
        for row in rows(answer, "tickets"):
            same = all(row.get(name) == content[name] for name in ("title", "description"))
            if same and _is_recent(str(row.get("created_at"))):
                return row
        raise unknown

    async def _mentioned_projects(self) -> list[dict[str, Any]]:
        """Return the projects of the caller's tickets, where an API lists no projects."""
        query = {"limit": _PAGE * _PAGES, "slim": 1}
        answer = await self._tickets.send("GET", "/tickets", query=query)
        mentioned = [row.get("project_id") for row in rows(answer, "tickets")]
        return [{"id": project} for project in dict.fromkeys(mentioned) if project]

    def _tell(
        self,
        kind: EventKind,
        ticket_id: str | None = None,
        reference: str | None = None,
        build_id: str | None = None,
    ) -> None:
        self._followers.tell([Change(kind, ticket_id, reference, build_id)])

    def _tell_of(self, kind: EventKind, suggestion: Suggestion) -> None:
        self._tell(kind, suggestion.ticket_id, suggestion.ticket_reference)


def _given(request: Request, names: Sequence[str]) -> dict[str, Any]:
    """Return those of the fields that say something."""
    return request.model_dump(include=set(names), exclude_none=True)


def _set(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _stamp(actor: Actor) -> dict[str, str]:
    return {name: value for name, value in actor.as_json().items() if value is not None}


def _masked(names: list[str] | None) -> dict[str, Any]:
    return {"masked": names} if names else {}


def _project(name: str) -> str:
    return f"/projects/{_segment('project', name)}"


def _ticket(project: str, name: str) -> str:
    return f"{_project(project)}/tickets/{quote(name, safe='')}"


def _builds(organization: str | None, caller: Caller) -> str:
    return f"/org/{_segment('org', organization or caller.organization)}/builds"


def _segment(field: str, name: str) -> str:
    """Return a name as part of a path; "." and ".." would lead out of it, however they are
    written."""
    if name in (".", ".."):
        raise NotFound.at(field, "is no name", "leave it out, or list_projects shows some")
    return quote(name, safe="")


def _is_named(row: Mapping[str, Any], key: TicketKey) -> bool:
    told = str(row.get("id", "")).lower()
    return told == key.id if key.id else bool(told) and row.get("number") == key.number


def _project_of(request: GetTicket | TriggerBotBuild | SuggestClose, caller: Caller) -> str:
    """Return the project that a request names, by itself or by its ticket's reference."""
    return request.project or parse_name(request.ticket).project or caller.project


def _chosen(items: Sequence[Any], request: FindBuilds) -> list[Any]:
    """Choose builds as was asked, where an API may not know how."""
    wanted = {"source_id": request.ticket, "status": request.status}
    return [
        item
        for item in items
        if all(value is None or item.get(name) == value for name, value in wanted.items())
    ]


def _is_recent(created_at: str) -> bool:
    try:
        created = datetime.fromisoformat(created_at)
    except ValueError:
        return False
    window = timedelta(seconds=REPEAT_WINDOW_SECONDS)
    return created.tzinfo is not None and datetime.now(UTC) - created < window


def _lacking(api: ApiClient, error: HandoffError, what: str) -> HandoffError:
    return error if api.is_ours else Unsupported(f"The API at {api.address} {what}.")
