"""Tasks of Backlog.md: a folder of Markdown files, each with YAML in front.

Format: https://github.com/MrLesk/Backlog.md, as its release 1.52 writes it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from mcp_handoff.errors import NotFound, ValidationFailed
from mcp_handoff.trackers.incoming import Found, request_type_among, roles_among
from mcp_handoff.whole_files import shown

_FOLDERS = {"tasks": None, "completed": "completed", "archive/tasks": "no_longer_relevant"}
"""Where tasks are, and how those in a folder ended whatever their status says."""

_TAKEN_OVER = frozenset(("id", "title", "priority", "created_date", "updated_date", "dependencies"))
_FRONT = re.compile(r"---\n(?P<front>.*?)\n---(?:\n|$)(?P<text>.*)", re.DOTALL)
_COMMENTS = re.compile(
    r"(?:^## Comments\s+)?<!-- COMMENTS:BEGIN -->\n(?P<all>.*?)<!-- COMMENTS:END -->\n?",
    re.DOTALL | re.MULTILINE,
)
_COMMENT = re.compile(
    r"(?:author: (?P<author>[^\n]*)\n)?created: (?P<created>[^\n]*)\n---\n"
    r"(?P<body>.*?)\n---(?:\n|$)",
    re.DOTALL,
)
_MARK = re.compile(r"^<!-- (?:SECTION:\w+|AC|DOD):(?:BEGIN|END) -->\n?", re.MULTILINE)
_PEOPLE = re.compile(r"^(?:(?:assignee|reporter):|\s*-\s*@).*$", re.MULTILINE)
_PERSON = re.compile(r"(?<!['\"\w])@[\w./-]+")
"""Names of people without quotes, which no YAML begins with and Backlog.md takes all the same."""

_BEGUN = "in progress"


def read(path: Path) -> Iterator[Found]:
    """Yield the tasks of a folder that Backlog.md made, or of the project that it is in; drafts are
    left out.

    Raises NotFound without such a folder, and ValidationFailed where its config.yml is none.
    """
    folder = next((one for one in _folders(path) if (one / "tasks").is_dir()), None)
    if folder is None:
        raise NotFound(f"{shown(path)} is not a folder of Backlog.md: it has no folder tasks.")
    config = _config(folder)
    name = str(config.get("project_name") or folder.resolve().parent.name)
    statuses = config.get("statuses")
    ends_with = str(cast(list[object], statuses)[-1]) if isinstance(statuses, list) else "Done"
    for within, resolution in _FOLDERS.items():
        for file in sorted((folder / within).glob("*.md")):
            place = f"{within}/{file.name}"
            try:
                front, text = _parts(file.read_text(encoding="utf-8-sig"))
                yield Found(place, _fields(name, front, text, ends_with, resolution))
            except ValidationFailed as error:
                yield Found(place, {}, error.message)
            except (AttributeError, KeyError, TypeError, ValueError):
                yield Found(place, {}, "is not as Backlog.md writes a task")


def _folders(path: Path) -> Sequence[Path]:
    return path, path / "backlog", path / ".backlog"


def _config(folder: Path) -> dict[str, Any]:
    for name in ("config.yml", "../backlog.config.yml"):
        if (file := folder / name).is_file():
            try:
                return _yaml(file.read_text(encoding="utf-8-sig"))
            except ValueError:
                raise ValidationFailed(f"{shown(file)} is not valid YAML.") from None
    return {}


def _yaml(text: str) -> dict[str, Any]:
    """Return a YAML mapping whose scalars are all text; ValueError for anything else."""
    try:
        value: object = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes text alone
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(value, dict):
        raise ValueError("no mapping")
    return cast(dict[str, Any], value)


def _parts(content: str) -> tuple[dict[str, Any], str]:
    parts = _FRONT.match(content.replace("\r\n", "\n"))
    if parts is None:
        raise ValidationFailed("has no YAML in front, between two lines of ---")
    front = _PEOPLE.sub(lambda line: _PERSON.sub(r"'\g<0>'", line[0]), parts["front"])
    try:
        return _yaml(front), parts["text"]
    except ValueError:
        raise ValidationFailed("what stands in front is not valid YAML") from None


def _fields(
    project: str, front: Mapping[str, Any], text: str, ends_with: str, resolution: str | None
) -> dict[str, Any]:
    labels = _list(front.get("labels"))
    status = str(front.get("status", ""))
    if status.lower() == ends_with.lower():
        resolution = "completed"
    thread = _COMMENTS.search(text)
    body = _MARK.sub("", _COMMENTS.sub("", text)).strip().removeprefix("## Description").strip()
    kept = {name: value for name, value in front.items() if name not in _TAKEN_OVER and value}
    assignees = _list(front.get("assignee"))
    return {
        "origin": _origin(project, front["id"]),
        "title": front["title"],
        "text": re.sub(r"\n{3,}", "\n\n", body),
        "request_type": request_type_among([str(front.get("type", "")), *labels]),
        "priority": str(front.get("priority") or "medium").lower(),
        "roles": roles_among(labels),
        "author": str(front.get("reporter") or "").removeprefix("@") or None,
        "created_at": front["created_date"],
        "updated_at": front.get("updated_date") or None,
        "is_begun": status.lower() == _BEGUN,
        "closed_at": (front.get("updated_date") or front["created_date"]) if resolution else None,
        "resolution": resolution,
        "blocked_by": [_origin(project, one) for one in _list(front.get("dependencies"))],
        "comments": [
            {
                "body": one["body"],
                "author": (one["author"] or "").removeprefix("@") or None,
                "created_at": one["created"],
            }
            for one in _COMMENT.finditer(thread["all"] if thread else "")
        ],
        "details": {**kept, "assignee": [one.removeprefix("@") for one in assignees]},
    }


def _list(value: object) -> list[str]:
    """Return a list that may be written as its only value."""
    if isinstance(value, list):
        return [str(one) for one in cast(list[object], value)]
    return [str(value)] if value else []


def _origin(project: str, task: str) -> str:
    return f"backlog:{project}#{task.upper()}"
