"""Issues of GitHub, as `gh issue list --json` or the REST API lists them.

Fields: https://cli.github.com/manual/gh_issue_list and
https://docs.github.com/en/rest/issues/issues#list-repository-issues.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.trackers.incoming import Found, request_type_among, roles_among
from mcp_handoff.whole_files import require_file, shown
from mcp_handoff.work import Resolution

_RESOLUTIONS: Mapping[str, Resolution] = {"not_planned": "wont_fix", "duplicate": "duplicate"}
_ASKED_FOR = (
    "gh issue list --state all --limit 100000 --json number,title,body,labels,state,stateReason,"
    "author,createdAt,updatedAt,closedAt,comments,assignees,milestone,url"
)
_TAKEN_OVER = {
    *("number", "title", "body", "body_html", "body_text", "state", "closed", "comments", "url"),
    *("labels", "type"),
    *("author", "createdAt", "updatedAt", "closedAt", "closedBy"),
    *("user", "created_at", "updated_at", "closed_at", "closed_by", "assignee"),
}
"""What has a field of its own here, or is among the details in another form; `assignee` is one of
`assignees`. Everything else is kept as a detail."""

# The address of its parent is all that an issue tells of that.
_OF_THE_API = re.compile(r"(?!parent_issue_url$)(?:.*_)?(?:url|id)")
_URGENT = {"high", "critical", "urgent", "p0", "p1"}
_LATER = {"low", "minor", "trivial", "p3", "p4"}


def read(path: Path) -> Iterator[Found]:
    """Yield the issues of a file that holds one list of them, or a page of the list after the
    other; pull requests, which REST lists among them, are no issues.

    Raises NotFound without a file, and ValidationFailed for one that holds no list.
    """
    require_file(path)
    for place, issue in enumerate(_issues(path), start=1):
        if not isinstance(issue, dict):
            yield Found(f"issue {place} of the list", {}, "is no object")
            continue
        fields = cast(dict[str, Any], issue)
        if "pull_request" not in fields:
            yield _found(place, fields)


def _issues(path: Path) -> Iterator[object]:
    decoder = json.JSONDecoder()
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
        if not text:
            raise ValueError
        while text:
            value, end = decoder.raw_decode(text)
            text = text[end:].lstrip()
            if not isinstance(value, list):
                raise ValueError
            for one in cast(list[object], value):
                yield from cast(list[object], one) if isinstance(one, list) else [one]
    except (ValueError, RecursionError):
        raise ValidationFailed(
            f"{shown(path)} is not a whole list of issues; write it with: {_ASKED_FOR}"
        ) from None


def _found(place: int, issue: Mapping[str, Any]) -> Found:
    number = issue.get("number")
    url = str(issue.get("html_url") or issue.get("url") or "")
    where = f"issue #{number}" if number else f"issue {place} of the list"
    missing = [name for name in ("number", "title") if not issue.get(name)]
    created_at = _either(issue, "createdAt", "created_at")
    if missing or not created_at:
        lacks = ", ".join([*missing, *(() if created_at else ("createdAt",))])
        return Found(where, {}, f"lacks {lacks}; write it with: {_ASKED_FOR}")
    try:
        return Found(where, _fields(issue, f"github:{_repository(url)}#{number}", url))
    except (AttributeError, KeyError, TypeError, RecursionError):
        return Found(where, {}, "is not as GitHub writes an issue")


def _fields(issue: Mapping[str, Any], origin: str, url: str) -> dict[str, Any]:
    labels = [_name(label) for label in issue.get("labels") or ()]
    words = {word for label in labels for word in label.lower().replace("/", ":").split(":")}
    reason = str(_either(issue, "stateReason", "state_reason") or "").lower()
    is_closed = str(issue.get("state", "")).lower() == "closed"
    changed_at = _either(issue, "updatedAt", "updated_at") or None
    closer = _either(issue, "closedBy", "closed_by")
    thread = issue.get("comments")
    return {
        "origin": origin,
        "title": issue["title"],
        "text": issue.get("body") or "",
        "request_type": request_type_among([*labels, _name(issue.get("type") or "")]),
        "priority": "high" if words & _URGENT else "low" if words & _LATER else "medium",
        "roles": roles_among(labels),
        "author": _login(_either(issue, "author", "user")),
        "created_at": _either(issue, "createdAt", "created_at"),
        "updated_at": changed_at,
        "closed_at": _closed_at(issue) if is_closed else None,
        "closed_by": _login(closer) if is_closed and closer else None,
        "resolution": _RESOLUTIONS.get(reason, "completed") if is_closed else None,
        "comments": [_comment(one) for one in cast(Sequence[Any], thread)]
        if isinstance(thread, list)
        else [],
        "details": {name: value for name, value in _details(issue, url, labels).items() if value},
    }


def _details(issue: Mapping[str, Any], url: str, labels: Sequence[str]) -> dict[str, Any]:
    """Return what has no field of its own here; REST counts comments and leaves them out."""
    comments = issue.get("comments")
    others = {name: value for name, value in issue.items() if name not in _TAKEN_OVER}
    return {
        **_kept(others),
        "url": url,
        "labels": labels,
        "type": _name(issue.get("type") or ""),
        "comments_left_there": comments if isinstance(comments, int) else None,
    }


def _kept(value: Any) -> Any:
    """Return a value without what is empty and what serves the API alone: addresses and ids. Of a
    person the login is kept."""
    if isinstance(value, list):
        return [_kept(one) for one in cast(Sequence[Any], value)]
    if not isinstance(value, dict):
        return value
    fields = cast(Mapping[str, Any], value)
    if "login" in fields:
        return _login(fields)
    kept = {name: _kept(one) for name, one in fields.items() if not _OF_THE_API.fullmatch(name)}
    return {name: one for name, one in kept.items() if one}


def _closed_at(issue: Mapping[str, Any]) -> str:
    """Return when a closed issue was closed, as nearly as it says."""
    dates = (("closedAt", "closed_at"), ("updatedAt", "updated_at"), ("createdAt", "created_at"))
    return next(filter(None, (_either(issue, *names) for names in dates)))


def _comment(comment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "body": comment.get("body") or "",
        "author": _login(_either(comment, "author", "user")),
        "created_at": _either(comment, "createdAt", "created_at"),
    }


def _either(fields: Mapping[str, Any], ours: str, theirs: str) -> Any:
    """Return a field by the name that gh, or that REST has for it."""
    return fields.get(ours, fields.get(theirs))


def _login(user: Mapping[str, Any] | None) -> str:
    return str((user or {}).get("login") or "ghost")


def _name(label: Mapping[str, Any] | str) -> str:
    return label if isinstance(label, str) else str(label.get("name", ""))


def _repository(url: str) -> str:
    """Return owner/name, and the host in front where that is another than github.com."""
    parts = urlsplit(url)
    name = "/".join(parts.path.strip("/").split("/")[:2])
    return name if parts.netloc in ("github.com", "") else f"{parts.netloc}/{name}"
