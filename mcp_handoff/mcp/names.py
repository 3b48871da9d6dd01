"""What tickets, builds, repositories, commits and pull requests are called besides their names.

Each function returns the name that was meant, or what it got where that is none it knows: whoever
checks the arguments then says what a name reads like. Of an address only the path counts, on
whatever host, and nothing is fetched.
"""

import re
from typing import Any
from urllib.parse import unquote

from mcp_handoff.projects import is_id
from mcp_handoff.references import reference

LONGEST = 2_000
"""From here on a text is looked at no further: no name is so long."""

_AROUND = " \t\r\n\"'`<>()[]{},.;"
_LABEL = re.compile(r"(?:ticket|issue|build|suggestion|urn:uuid)\b[\s:#]*", re.IGNORECASE)
_UUID = re.compile(r"([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})")
_NUMBERED = re.compile(r"(?:HO[-_ ]?)?#?([1-9][0-9]{0,14})(?:\.0+)?", re.IGNORECASE)
_SEPARATED = re.compile(r"HO[-_ ]?([1-9][0-9]{0,14})[-_ ]([a-z0-9-]{1,60})", re.IGNORECASE)
_TICKET_ADDRESS = re.compile(
    r"(?:(?:^|/)projects/([^/]+)/|^handoff://|^/?"
    r"|^(?i:https?)://.+/(?=tickets/[Hh][Oo]-[0-9]+-[^/]+/*$))tickets/([^/]+)"
)
_THING_ADDRESS = re.compile(r"/(?:builds|ai-suggestions|suggestions)/([^/]+)")

_COMMIT = re.compile(r"(?:.*/commits?/|commit\s+|.*@)([0-9a-f]{7,64})(?:[/?#.].*)?", re.IGNORECASE)
_PULL_REQUEST = re.compile(
    r"(?:(?:pr|mr|pull request|merge request|pull|gh)[\s/-]*|[\w.-]+/[\w.-]+(?=[#!]))?[#!]?"
    r"([0-9]{1,10})(?:\.0+)?",
    re.IGNORECASE,
)
_PULL_REQUEST_ADDRESS = re.compile(
    r".*/(?:pulls?|merge_requests|pull-requests)/([0-9]{1,10})(?:[/?#].*)?"
)
_REPOSITORY_ADDRESS = re.compile(
    r"(?:(?:git\+)?(?:https?|ssh|git)://(?:[^@/]*@)?[^/]+/|[\w.-]+@[\w.-]+:|[\w-]+(?:\.[\w-]+)+/)"
    r"([\w.-]+)/([\w.-]+?)(?:\.git)?(?:/+(?:-|tree|blob|src|pulls?|commits?|issues|actions|releases)(?:/.*)?)?/*"
    r"(?:[?#].*)?",
    re.ASCII,
)
_TRAILING = re.compile(r"([\w.-]+/[\w.-]+?)/+", re.ASCII)


def ticket(value: Any) -> Any:
    """Return a ticket's uuid, reference or number as a text."""
    text = _bare(str(value) if type(value) in (int, float) else value)
    if text is None:
        return value
    if found := _TICKET_ADDRESS.search(_path(text)):
        return _in_project(found[1], unquote(found[2])) or value
    return _name_of(text) or value


def identifier(value: Any) -> Any:
    """Return the uuid of a build, a suggestion or whatever else has one."""
    text = _bare(value)
    if text is None:
        return value
    found = _THING_ADDRESS.search(_path(text))
    return _uuid_in(found[1] if found else text) or value


def repository(value: Any) -> Any:
    """Return a repository as owner/name."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return value
    text = value.strip()
    if found := _REPOSITORY_ADDRESS.fullmatch(text):
        return f"{found[1]}/{found[2]}"
    found = _TRAILING.fullmatch(text)
    return found[1] if found else value


def commit(value: Any) -> Any:
    """Return a commit's hash."""
    text = _bare(value)
    found = text and _COMMIT.fullmatch(text)
    return found[1] if found else text or value


def pull_request(value: Any) -> Any:
    """Return a pull request's number."""
    text = _bare(value)
    found = text and (_PULL_REQUEST.fullmatch(text) or _PULL_REQUEST_ADDRESS.fullmatch(text))
    return int(found[1]) if found else value


def _bare(value: Any) -> str | None:
    """Return a text without quotes, brackets and punctuation around it; None for anything else."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    return value.strip(_AROUND)


def _path(text: str) -> str:
    return re.split("[?#]", text, maxsplit=1)[0]


def _in_project(project: str | None, name: str) -> str | None:
    """Return the name of a ticket in an address, which also says in whose project it is."""
    named = _name_of(name)
    if project is None or named is None or not named.isdecimal():
        return named
    return None if is_id(project) else reference(int(named), unquote(project))


def _name_of(text: str) -> str | None:
    bare = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    if found := _NUMBERED.fullmatch(bare):
        return found[1]
    if found := _SEPARATED.fullmatch(bare):
        return reference(int(found[1]), found[2].lower())
    return _uuid_in(bare)


def _uuid_in(text: str) -> str | None:
    bare = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    found = _UUID.fullmatch(bare.strip(_AROUND).lower())
    return "-".join((found[1], *found.groups()[2:])) if found else None
