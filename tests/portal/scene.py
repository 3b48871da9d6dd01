"""A shop's desk on a working day: what there is to be seen on every page."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx2

from mcp_handoff.principals import PrincipalRole
from tests.http.served import Served, bearer, make_token
from tests.mcp.wire import TIMEOUT

PEOPLE: Mapping[str, PrincipalRole] = {
    "mia": "user",
    "bob": "user",
    "rita": "reader",
    "claude": "bot",
    "ci": "bot",
}

TICKET: Mapping[str, Any] = {
    "title": "Checkout fails",
    "description": "It answers 500.",
    "request_type": "bug",
    "roles": ["backend"],
    "priority": "medium",
    "blocking": False,
}

TICKETS: list[dict[str, Any]] = [
    {
        "title": "Checkout answers 500 with more than 100 items",
        "description": "Since **2.14** the till answers `500` when a cart holds more than a"
        " hundred items.\n\n1. Put 101 apples into the cart\n2. Check out\n\nThe log says"
        " `too many SQL variables`.",
        "request_type": "bug",
        "roles": ["backend", "qa"],
        "priority": "high",
        "blocking": True,
        "evidence": {"status": 500, "requests": ["7f3a", "81bc"], "first seen": "2.14.0"},
        "suggested_resolution": "Insert the lines in batches of 500.",
    },
    {
        "title": "Show the delivery date before people pay",
        "description": "Half of the questions to support are about when it comes.",
        "request_type": "feature_request",
        "roles": ["design", "frontend"],
        "priority": "medium",
    },
    {
        "title": "Which till do the vouchers belong to?",
        "description": "There are two, and the contract names neither.",
        "request_type": "clarification_needed",
        "roles": ["backend"],
        "priority": "medium",
    },
    {
        "title": "Drop the tables of the old importer, or keep them?",
        "description": "They are read by nobody but the nightly job.",
        "request_type": "decision_needed",
        "roles": ["backend", "devops"],
        "priority": "low",
    },
    {
        "title": "Search forgets the filter when one goes back",
        "description": "Filter by colour, open a shirt, go back: the filter is gone.",
        "request_type": "bug",
        "roles": ["frontend", "qa"],
        "priority": "medium",
    },
    {
        "title": "Take apart the address form",
        "description": "Street and number in two fields, as the carriers want it.",
        "request_type": "feature_request",
        "roles": ["frontend"],
        "priority": "low",
    },
]


class People:
    """The people and bots of a desk, each with a token and a client of the REST API."""

    def __init__(self, desk: Served) -> None:
        self.desk = desk
        self.tokens = {name: make_token(desk.store, name, role) for name, role in PEOPLE.items()}
        self.clients = {
            name: httpx2.Client(base_url=desk.url, headers=bearer(token), timeout=TIMEOUT)
            for name, token in self.tokens.items()
        }
        self._projects = 0

    @classmethod
    @contextmanager
    def at(cls, store: Path, **settings: str) -> Generator[Self]:
        """Serve a store to them."""
        with Served(store, token=make_token(store, "root", "admin"), **settings) as desk:
            people = cls(desk)
            yield people
            for client in people.clients.values():
                client.close()

    def project(self, name: str = "") -> "Scene":
        """Begin a project."""
        self._projects += 1
        slug = name or f"shop-{self._projects}"
        assert self.desk.http.post("/api/projects", json={"name": slug}).is_success
        return Scene(self, slug)


class Scene:
    """What people and bots do in a project."""

    def __init__(self, people: People, project: str) -> None:
        self.people, self.project = people, project
        self.url, self.tokens = people.desk.url, people.tokens
        self.board = f"/?project={project}"

    def send(self, who: str, method: str, path: str, **body: Any) -> Any:
        """Do something over REST; return what came of it."""
        answer = self.people.clients[who].request(
            method,
            f"/api/projects/{self.project}{path}",
            json=None if method == "GET" else body,
        )
        assert answer.is_success, answer.text
        return answer.json()

    def read(self, ticket: str) -> Any:
        """Read a ticket."""
        return self.send("mia", "GET", f"/tickets/{ticket}")["ticket"]

    def file(self, who: str = "claude", **fields: Any) -> str:
        """File a ticket; return its reference."""
        ticket = {**TICKET, **fields}
        return self.send(who, "POST", "/tickets", **ticket)["ticket"]["reference"]

    def play(self) -> list[str]:
        """File the tickets of the day and work on them; return their references."""
        names = [self.file("claude", **ticket) for ticket in TICKETS]
        checkout, delivery, vouchers, tables, search, address = names
        self.take("claude", checkout, "backend")
        self.take("mia", delivery, "design")
        self.send("claude", "POST", f"/tickets/{vouchers}/messages", **QUESTION)
        self.send("mia", "PATCH", f"/tickets/{tables}", stage="up_next", blocked_by=[checkout])
        self.take("bob", search, "frontend")
        self.send(
            "bob",
            "PATCH",
            f"/tickets/{search}",
            role_status={"role": "frontend", "status": "done"},
            resolution_note="The filter is in the address now. Try it with two colours.",
        )
        self.take("bob", address, "frontend")
        closing = {
            "status": "closed",
            "resolution_type": "wont_fix",
            "resolution_note": "The carriers take one field again.",
        }
        self.send("bob", "PATCH", f"/tickets/{address}", **closing)
        self.send("claude", "POST", f"/tickets/{checkout}/trigger-bot-build", repo="acme/shop")
        self.suggest(search, **CLAIM)
        return names

    def suggest(self, ticket: str, **evidence: Any) -> str:
        """Suggest to close a ticket; return the suggestion's id."""
        claim = {"ticket_id": ticket, "evidence": evidence}
        return self.send("ci", "POST", "/ai-suggestions", **claim)["suggestion"]["id"]

    def take(self, who: str, ticket: str, role: str) -> None:
        self.send(who, "POST", f"/tickets/{ticket}/take", role=role)


QUESTION = {"body": "Is it the second till, as in the old contract?", "to_role": "backend"}
CLAIM = {"tests": "214 passed", "looked at": "two colours, back and forth"}
