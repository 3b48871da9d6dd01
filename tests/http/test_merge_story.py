"""One ticket's way to production: agents work, a forge tells, a person approves."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2

from mcp_handoff.repositories import LinkRepository
from tests.databases import in_store
from tests.hooks.deliveries import recorded
from tests.hooks.test_signatures import signature_of
from tests.http.served import OPERATOR, Served, bearer, make_token
from tests.requests import TICKET

REPOSITORY = {"full_name": "acme/shop", "default_branch": "main"}
HEAD, MERGE = "ab" * 20, "cd" * 20
ADDRESS = "/api/projects/shop"


class Story:
    def __init__(self, served: Served, store: Path) -> None:
        self._http = served.http
        self._agent = bearer(make_token(store, "claude", "bot"))
        self._person = bearer(make_token(store, "ada", "user"))
        link = LinkRepository(name="acme/shop")
        shop = replace(OPERATOR, project="shop")
        linked = in_store(store, lambda opened: opened.link_repository(shop, link))
        self._secret = linked.secret
        self._told = 0

    def as_agent(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._done(self._http.request(method, path, json=body, headers=self._agent))

    def as_person(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._done(self._http.request(method, path, json=body, headers=self._person))

    def tell(self, event: str, payload: Mapping[str, Any]) -> None:
        """Deliver an event as GitHub does."""
        self._told += 1
        body = json.dumps({**payload, "repository": REPOSITORY}).encode()
        headers = {
            "x-github-event": event,
            "x-github-delivery": f"told-{self._told}",
            "x-hub-signature-256": f"sha256={signature_of(body, self._secret)}",
        }
        answer = self._http.post("/api/hooks/github", content=body, headers=headers)
        assert answer.json() == {"taken": "now"}

    def tell_of_pull_request(self, minute: int, **fields: Any) -> None:
        told = {"number": 50, "body": "Closes HO-1", "updated_at": f"2026-03-01T09:{minute}:00Z"}
        places = {"head": {"sha": HEAD, "ref": "lift"}, "base": {"ref": "main"}}
        changes = {"pull_request": {**told, **places, **fields}}
        self.tell("pull_request", recorded("github/pull_request_opened", changes))

    def tell_of_checks(self, minute: int, conclusion: str) -> None:
        at = f"2026-03-01T09:{minute}:00Z"
        suite = {"head_sha": HEAD, "conclusion": conclusion, "updated_at": at}
        self.tell("check_suite", recorded("github/check_suite_completed", {"check_suite": suite}))

    def tell_of_deployment(self, minute: int) -> None:
        status = {"state": "success", "updated_at": f"2026-03-01T09:{minute}:00Z"}
        changes = {"deployment_status": status, "deployment": {"sha": MERGE}}
        self.tell("deployment_status", recorded("github/deployment_status", changes))

    def change(self) -> dict[str, Any]:
        """Return the pull request as it is shown with the ticket."""
        [shown] = self.as_agent("GET", f"{ADDRESS}/tickets/1")["changes"]
        return shown

    def _done(self, answer: httpx2.Response) -> Any:
        assert answer.is_success, answer.text
        return answer.json()


def test_a_ticket_goes_from_filed_to_deployed_by_what_a_forge_tells(store: Path) -> None:
    with Served(store) as served:
        story = Story(served, store)
        story.as_agent(
            "POST", f"{ADDRESS}/tickets", {**TICKET, "priority": "high", "blocking": True}
        )
        story.as_agent("POST", f"{ADDRESS}/take", {"role": "backend"})
        story.tell_of_pull_request(10)
        story.tell_of_checks(11, "failure")
        assert (story.change()["state"], story.change()["checks"]) == ("open", "failed")
        story.tell_of_checks(12, "success")
        assert story.change()["checks"] == "passed"
        story.tell_of_pull_request(13, state="closed", merged=True, merge_commit_sha=MERGE)
        [suggested] = story.as_person("GET", f"{ADDRESS}/ai-suggestions?status=pending")[
            "suggestions"
        ]
        assert (suggested["source"], suggested["merge_sha"]) == ("github", MERGE)
        assert (suggested["proof"]["state"], suggested["proof"]["checks"]) == ("proven", "passed")
        action = f"{ADDRESS}/ai-suggestions/{suggested['id']}/action"
        applied = story.as_person("POST", action, {"action": "execute"})["apply_result"]
        assert applied == {
            "merged": True,
            "new_stage": "live",
            "roles_marked_done": ["backend", "merged"],
        }
        story.tell_of_deployment(14)
        [row] = story.as_person("GET", f"{ADDRESS}/tickets?status=closed")["tickets"]
        assert (row["stage"], row["deployed_at"]) == ("live", "2026-03-01T09:14:00.000Z")
