"""Visits: who looks at which project, and what a page is refused for."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mcp_handoff.actors import Actor
from mcp_handoff.admission import admission_of
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import (
    Forbidden,
    HandoffError,
    Internal,
    MethodNotAllowed,
    NotFound,
    OutcomeUnknown,
    Unauthenticated,
)
from mcp_handoff.portal.rendering import PROJECT_COOKIE, address_of, render
from mcp_handoff.projects import ListProjects, Project
from mcp_handoff.rest.envelopes import STATUSES
from mcp_handoff.takes import ListTakes, TakeList
from mcp_handoff.tickets import FindTickets
from mcp_handoff.validation import Arguments

logger = logging.getLogger(__name__)

_DEFECT = Internal("Something went wrong in mcp-handoff itself.")

SOURCE = "portal"
"""What tickets and messages say that were written here."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page."""

    desk: Desk
    request: Request
    visitor: Visitor

    def render(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page, with the ways to change what its visitor may change."""
        return render(
            self.request,
            template,
            status,
            may_write=self.desk.may_write(self.visitor),
            has_settings=self.desk.has_store,
            **values,
        )

    async def projects(self) -> list[Project]:
        """Return the projects that are there to be looked at; NotFound where the chosen one is
        not."""
        projects = (await self.desk.list_projects(self.visitor, Arguments(ListProjects))).projects
        chosen = self.visitor.project
        if chosen and all(one.slug != chosen for one in projects):
            await self._require_project(chosen)
        return projects

    async def _require_project(self, name: str) -> None:
        """Have the desk refuse a project in its own words, unless this is the id of one, or it
        comes on a later page of the list."""
        asked = Arguments(FindTickets, {"project": name, "slim": True, "limit": 1})
        await self.desk.find_tickets(replace(self.visitor, project=None), asked)

    async def takes(self) -> TakeList:
        """Return who holds what in the project; nothing where an API does not tell."""
        if not self.desk.has_store:
            return TakeList(takes=[])
        return await self.desk.list_takes(self.visitor, Arguments(ListTakes))

    def back_to(self, address: str) -> Response:
        """Return the response to a form that was done: the page that shows what came of it."""
        return RedirectResponse(address, status_code=303)


Page = Callable[[Visit], Awaitable[Response]]
Handler = Callable[[Request], Awaitable[Response]]


def page_over(desk: Desk, page: Page) -> Handler:
    """Return what handles requests for a page; one that is refused says why."""

    async def handle(request: Request) -> Response:
        admission = admission_of(request.scope)
        name = admission.principal.name
        named = request.query_params.get("project")
        chosen = named or request.cookies.get(PROJECT_COOKIE)
        visitor = Visitor(
            "portal",
            Actor(role="user", source=SOURCE, id=name),
            admission,
            project=chosen or None,
        )
        try:
            return await page(Visit(desk, request, visitor))
        except HandoffError as error:
            if "project" in error.fields and request.method == "GET" and chosen and not named:
                return _without_chosen_project(request)
            return refused(request, error)
        except Exception:
            logger.exception("%s %s failed", request.method, request.url.path)
            return refused(request, _DEFECT)

    return handle


def _without_chosen_project(request: Request) -> Response:
    """Return where a page is shown of the desk's own project: the one that was chosen in this
    browser is not there, or not for whoever has signed in since."""
    response = RedirectResponse(address_of(request), status_code=303)
    response.delete_cookie(PROJECT_COOKIE)
    return response


def refused(request: Request, error: HandoffError, *, let_in: bool = True) -> Response:
    """Return a page that says why something was refused."""
    status, title = STATUSES[error.code], _title(request, error)
    return render(request, "error.html", status, let_in=let_in, title=title, error=error)


def _title(request: Request, error: HandoffError) -> str:
    match error:
        case NotFound() | MethodNotAllowed():
            return "That is not there"
        case Forbidden() | Unauthenticated():
            return "That is not allowed"
        case OutcomeUnknown():
            return "That may or may not have been done"
        case _:
            return "That can't be shown" if request.method == "GET" else "That was not done"
