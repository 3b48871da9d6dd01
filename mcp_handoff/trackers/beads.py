"""Issues of beads, as `bd export` writes them: a line of JSON each.

Fields: https://github.com/steveyegge/beads, internal/types/types.go.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.trackers.incoming import Found, request_type_among, roles_among
from mcp_handoff.whole_files import require_file, shown

_SECTIONS = {
    "description": "",
    "design": "## Design",
    "acceptance_criteria": "## Acceptance criteria",
    "notes": "## Notes",
}
"""The texts of an issue, and under which heading each stands here."""

_TAKEN_OVER = {
    *_SECTIONS,
    *("id", "title", "priority", "created_at", "updated_at", "closed_at"),
    *("close_reason", "comments", "created_by", "dependencies"),
}
"""What has a field of its own here; everything else is kept as a detail."""

_BLOCKS, _GONE, _BEGUN = "blocks", "tombstone", ("in_progress", "hooked")


def read(path: Path) -> Iterator[Found]:
    """Yield the issues of a file, or of the .beads folder that holds it; deleted ones are left out.

    Raises NotFound without a file, and ValidationFailed for one that can't be read.
    """
    file = next(filter(Path.is_file, _files(path)), path)
    require_file(file)
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except ValueError:
        raise ValidationFailed(f"{shown(file)} is not UTF-8 text.") from None
    issues = {place: line for place, line in enumerate(lines, start=1) if line.strip()}
    if not issues:
        raise ValidationFailed(f"{shown(file)} holds no issue.")
    for place, line in issues.items():
        try:
            issue: object = json.loads(line)
        except (ValueError, RecursionError):
            issue = None
        if not isinstance(issue, dict):
            yield Found(f"line {place}", {}, "is not a whole JSON object")
            continue
        fields = cast(dict[str, Any], issue)
        if fields.get("status") == _GONE or fields.get("_type", "issue") != "issue":
            continue
        try:
            yield Found(f"line {place}", _fields(fields))
        except (AttributeError, KeyError, TypeError):
            yield Found(f"line {place}", {}, "is not as beads writes an issue")


def _files(path: Path) -> Iterator[Path]:
    for folder in (path, path / ".beads"):
        yield from (folder / name for name in ("issues.jsonl", "beads.jsonl"))


def _fields(issue: Mapping[str, Any]) -> dict[str, Any]:
    labels = cast(Sequence[str], issue.get("labels") or ())
    priority, status = issue.get("priority", 0), issue.get("status", "open")
    texts = [
        "\n\n".join(filter(None, (heading, str(issue[name]).strip())))
        for name, heading in _SECTIONS.items()
        if issue.get(name)
    ]
    dependencies = [
        (one["depends_on_id"], one.get("type", _BLOCKS)) for one in issue.get("dependencies") or ()
    ]
    others = [f"{kind} {name}" for name, kind in dependencies if kind != _BLOCKS]
    kept = {name: value for name, value in issue.items() if name not in _TAKEN_OVER and value}
    is_closed = status == "closed"
    return {
        "origin": f"beads:{issue['id']}",
        "title": issue["title"],
        "text": "\n\n".join(texts),
        "request_type": request_type_among([str(issue.get("issue_type", "")), *labels]),
        "priority": "high" if priority < 2 else "medium" if priority == 2 else "low",
        "roles": roles_among(labels),
        "author": issue.get("created_by") or issue.get("owner") or None,
        "created_at": issue["created_at"],
        "updated_at": issue.get("updated_at") or None,
        "is_begun": status in _BEGUN,
        "closed_at": (issue.get("closed_at") or issue["updated_at"]) if is_closed else None,
        "resolution": "completed" if is_closed else None,
        "resolution_note": issue.get("close_reason") or None,
        "blocked_by": [f"beads:{name}" for name, kind in dependencies if kind == _BLOCKS],
        "comments": [
            {
                "body": one["text"],
                "author": one.get("author") or None,
                "created_at": one["created_at"],
            }
            for one in issue.get("comments") or ()
        ],
        "details": {**kept, "priority": priority} | ({"others": others} if others else {}),
    }
