"""What other trackers export, as each documents it."""

from pathlib import Path
from typing import Any

BACKLOG = Path(__file__).parent / "shop"
"""A project of Backlog.md, as its release 1.52.0 wrote it."""


def gh_issue(number: int, **fields: Any) -> dict[str, Any]:
    """Return an issue as `gh issue list --json` prints it."""
    return {
        "assignees": [{"id": "U_1", "login": "eve", "name": "Eve"}],
        "author": {"id": "U_2", "is_bot": False, "login": "ada", "name": "Ada"},
        "body": "POST /checkout answers 500 from the 100th item on.",
        "closedAt": None,
        "comments": [],
        "createdAt": f"2025-03-{number:02}T10:00:00Z",
        "labels": [{"id": "L_1", "name": "bug", "description": "", "color": "d73a4a"}],
        "milestone": None,
        "number": number,
        "state": "OPEN",
        "stateReason": "",
        "title": f"Checkout fails at {number}00 items",
        "updatedAt": f"2025-03-{number:02}T11:00:00Z",
        "url": f"https://github.com/octo/shop/issues/{number}",
        **fields,
    }


def gh_comment(author: str, body: str, created_at: str) -> dict[str, Any]:
    return {
        "id": "IC_1",
        "author": {"login": author},
        "authorAssociation": "MEMBER",
        "body": body,
        "createdAt": created_at,
        "url": "https://github.com/octo/shop/issues/1#issuecomment-1",
    }


def rest_issue(number: int, **fields: Any) -> dict[str, Any]:
    """Return an issue as GitHub's REST API lists it."""
    return {
        "url": f"https://api.github.com/repos/octo/shop/issues/{number}",
        "html_url": f"https://github.com/octo/shop/issues/{number}",
        "id": 1000 + number,
        "number": number,
        "title": f"Checkout fails at {number}00 items",
        "user": {"login": "ada", "type": "User"},
        "labels": [{"name": "bug"}],
        "state": "open",
        "state_reason": None,
        "assignees": [{"login": "eve"}],
        "milestone": {"number": 1, "title": "Spring"},
        "comments": 2,
        "created_at": f"2025-03-{number:02}T10:00:00Z",
        "updated_at": f"2025-03-{number:02}T11:00:00Z",
        "closed_at": None,
        "body": "POST /checkout answers 500 from the 100th item on.",
        **fields,
    }


def bead(name: str, **fields: Any) -> dict[str, Any]:
    """Return an issue as `bd export` writes it."""
    return {
        "id": name,
        "title": f"Lift the limit of {name}",
        "description": "A cart of 100 items can't be paid.",
        "status": "open",
        "priority": 2,
        "issue_type": "task",
        "created_at": "2025-10-16T20:46:08.971822147-07:00",
        "updated_at": "2025-10-17T01:32:00.195883-07:00",
        **fields,
    }
