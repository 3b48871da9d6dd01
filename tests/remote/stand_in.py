"""The documented ticket and builds APIs as a process, as small as their pages allow.

It is written from those pages alone. Beside the two APIs it has doors for a test: GET /recorded
lists the requests that came, POST /next says how the next one is responded to, whatever it is, and
POST /anew forgets all that happened.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

PROJECT = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"
TICKET = "7c1f0f3e-52a4-4d0e-9b8b-3f0f6f1d2a11"
CLOSED = "7c1f0f3e-52a4-4d0e-9b8b-3f0f6f1d2a12"
SUGGESTION = "5f0d1c9a-0d51-4a8c-8f53-6a3b9f1f7e21"
BUILD = "b1a7c3de-6f21-4f57-9a0c-2d4e8f6a1b31"
NOW = "2026-11-02T09:30:00.000Z"

Body = Mapping[str, Any]
Response = tuple[int, Body]

_CREATE = {
    "title",
    "description",
    "request_type",
    "priority",
    "blocking",
    "roles",
    "evidence",
    "suggested_resolution",
    "implementation_notes",
    "actor_role",
    "actor_id",
    "source",
}
_CHANGE = {
    *("status", "stage", "work_started_note", "priority", "title", "description", "request_type"),
    *("resolution_type", "resolution_note", "role_status", "updated_at", "skip_human_test_gate"),
}
_MESSAGE = {"body", "task_id", "body_format"}
_REQUIRED = ("title", "description", "request_type", "priority", "blocking")


def _row(ticket_id: str, number: int, status: str) -> dict[str, Any]:
    """Return a ticket's row with aliases in place of the names, and with fields of its own."""
    role = {"id": str(uuid4()), "handoff_request_id": ticket_id, "status": "in_progress"}
    return {
        "id": ticket_id.upper(),
        "project_id": PROJECT,
        "number": number,
        "title": f"Ticket number {number}",
        "description": "As long as it has to be.",
        "category": "bug",
        "severity": "high",
        "suggested_backend_change": "Change it.",
        "status": status,
        "stage": "live" if status == "closed" else "in_progress",
        "blocking": False,
        "created_at": "2026-11-01T09:30:00.000Z",
        "updated_at": NOW,
        "source": "portal",
        "deployed_at": None,
        "evidence": None,
        "board_column": {"colour": "green"},
        "roles": [{**role, "role": "test"}, {**role, "role": "merged"}],
    }


@dataclass
class Desk:
    """What is kept, what came, and what is to be responded next."""

    token: str
    recorded: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    planned: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    tickets: list[dict[str, Any]] = field(
        default_factory=lambda: [_row(TICKET, 7, "open"), _row(CLOSED, 8, "closed")]
    )
    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    suggestion: dict[str, Any] = field(
        default_factory=lambda: {
            "id": SUGGESTION,
            "run_id": str(uuid4()),
            "ticket_id": TICKET,
            "ticket_title": None,
            "ticket_number": None,
            "suggestion_type": "auto_close",
            "confidence": None,
            "evidence": [{"commit": "abc1234"}, "seen in the log"],
            "suggested_action": None,
            "status": "pending",
            "model": "closer-2",
        }
    )
    build: dict[str, Any] = field(
        default_factory=lambda: {
            "id": BUILD,
            "build_ref": "registry/image@1",
            "display_name": "Image 1",
            "provider": "docker",
            "source_type": "api",
            "is_active": True,
            "organization_id": None,
            "created_at": NOW,
            "updated_at": NOW,
            "retention": "30d",
        }
    )


def _create(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    missing = [name for name in _REQUIRED if name not in body]
    if body.get("actor_role") == "bot" and not body.get("roles"):
        missing.append("roles")
    if wrong := [*missing, *sorted(body.keys() - _CREATE)]:
        return 400, _refusal("Invalid request", wrong)
    told = {"id": str(uuid4()), "status": "open", "created_at": NOW}
    desk.tickets.append({**body, **told, "project_id": PROJECT, "number": len(desk.tickets) + 7})
    return 201, {"ticket": told}


def _list(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    if "cursor" in query and "role" in query:
        return 400, _refusal("cursor can't be combined with role", ["cursor"])
    words, status = query.get("q", ""), query.get("status")
    found = [
        row
        for row in desk.tickets
        if (words in row["title"] or words == str(row["number"]))
        and status in (None, row["status"])
    ]
    begin, size = int(query.get("cursor", 0)), int(query.get("limit", 1000))
    response: dict[str, Any] = {"tickets": found[begin : begin + size], "took_ms": 3}
    if begin + size < len(found):
        response["next_cursor"] = str(begin + size)
    return 200, response


def _change(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    found = [row for row in desk.tickets if row["id"].lower() == place["ticket"].lower()]
    if not found:
        return 404, {"error": "Ticket not found"}
    wrong = sorted(body.keys() - _CHANGE)
    if body.get("stage") == "in_progress" and "work_started_note" not in body:
        wrong.append("work_started_note")
    if wrong:
        return 400, _refusal("Invalid request", wrong)
    row = found[0]
    if body.get("status") == "closed" and any(
        role["role"] != "merged" and role["status"] != "done" for role in row["roles"]
    ):
        return 400, {"error": "Raw words on open roles", "code": "ROLES_INCOMPLETE"}
    row |= {name: body[name] for name in ("title", "priority", "status") if name in body}
    if change := body.get("role_status"):
        for role in row["roles"]:
            if role["role"] == change["role"]:
                role["status"] = change["status"]
    return 200, {"ticket": row}


def _post(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    if wrong := [*({"body"} - body.keys()), *sorted(body.keys() - _MESSAGE)]:
        return 400, _refusal("Invalid request", wrong)
    told = {"author_type": "agent", "author_id": None, "body": body["body"], "created_at": NOW}
    desk.messages.append({"id": str(uuid4()), **told})
    return 200, {"message": desk.messages[-1]}


def _messages(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    return 200, {"messages": desk.messages}


def _trigger(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    if extra := body.keys() - {"provider", "repo"}:
        return 400, _refusal("Invalid request", sorted(extra))
    return 200, {"ticket": {}}


def _suggestions(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    return 200, {"total": 1, "suggestions": [desk.suggestion]}


def _act(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    if place["suggestion"].lower() != SUGGESTION:
        return 404, {"error": "Suggestion not found"}
    if desk.suggestion["status"] != "pending":
        return 409, {"error": "Suggestion is not pending"}
    status = {"execute": "executed", "decline": "declined"}[body["action"]]
    desk.suggestion = {**desk.suggestion, "status": status}
    return 200, {"suggestion": desk.suggestion, "apply_result": {"merged": True}}


def _update(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    if place["build"].lower() != BUILD:
        return 404, _build_error(404, "not_found_error")
    desk.build = {**desk.build, **body}
    return 200, desk.build


def _register(desk: Desk, place: Mapping[str, str], body: Body, query: Body) -> Response:
    return 201, {**desk.build, **body}


_ID = r"[0-9a-fA-F-]{36}"
_TICKETS = rf"/api/projects/(?P<project>{_ID})/tickets"
_ROUTES: Mapping[tuple[str, str], Callable[..., Response]] = {
    ("POST", _TICKETS): _create,
    ("GET", _TICKETS): _list,
    ("GET", "/api/tickets"): _list,
    ("PATCH", rf"{_TICKETS}/(?P<ticket>{_ID})"): _change,
    ("POST", rf"{_TICKETS}/(?P<ticket>{_ID})/messages"): _post,
    ("GET", rf"{_TICKETS}/(?P<ticket>{_ID})/messages"): _messages,
    ("POST", rf"{_TICKETS}/(?P<ticket>{_ID})/trigger-bot-build"): _trigger,
    ("GET", rf"/api/projects/(?P<project>{_ID})/ai-suggestions"): _suggestions,
    ("POST", rf"/api/projects/{_ID}/ai-suggestions/(?P<suggestion>{_ID})/action"): _act,
    ("POST", "/api/v1/org/[a-z-]+/builds"): _register,
    ("PATCH", rf"/api/v1/org/[a-z-]+/builds/(?P<build>{_ID})"): _update,
}


def _refusal(error: str, wrong: list[str]) -> Body:
    return {
        "error": error,
        "code": "invalid_request",
        "fieldErrors": dict.fromkeys(wrong, "Required or not allowed"),
        "issues": [{"path": name, "message": "Required or not allowed"} for name in wrong],
    }


def _build_error(status: int, kind: str) -> Body:
    return {"code": status, "detail": "Raw words of the builds API", "type": kind}


class Handler(BaseHTTPRequestHandler):
    """Responds from the desk, or as a test has planned."""

    desk: Desk
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PATCH(self) -> None:
        self._handle()

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"null")
        if self.path == "/recorded":
            return self._send(200, {"requests": self.desk.recorded})
        if self.path == "/next":
            self.desk.planned.append(body)
            return self._send(200, {})
        if self.path == "/anew":
            Handler.desk = Desk(self.desk.token)
            return self._send(200, {})
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.desk.recorded.append(
            {"method": self.command, "path": self.path, "headers": headers, "body": body}
        )
        return self._respond(body)

    def _respond(self, body: Any) -> None:
        if self.desk.planned:
            planned = self.desk.planned.pop(0)
            return self._send(planned["status"], planned["body"], planned.get("headers", {}))
        if self.headers.get("Authorization") != f"Bearer {self.desk.token}":
            return self._send(401, {"error": "Not authenticated"})
        return self._send(*self._routed(body or {}))

    def _routed(self, body: Body) -> Response:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        for (method, pattern), act in _ROUTES.items():
            found = re.fullmatch(pattern, parts.path)
            if found and method == self.command and all(map(UUID, found.groupdict().values())):
                return act(self.desk, found.groupdict(), body, query)
        if parts.path.startswith("/api/v1/"):
            return 404, _build_error(404, "not_found_error")
        return 404, {"error": "Raw words of the ticket API"}

    def _send(self, status: int, body: Body, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        told = {"Content-Type": "application/json", "Content-Length": len(content)}
        for name, value in {**told, **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def main(token: str) -> None:
    Handler.desk = Desk(token)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
