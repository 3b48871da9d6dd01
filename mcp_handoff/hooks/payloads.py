"""A forge's payload, read in one pass: fields that nobody names are skipped where they stand.

msgspec and not pydantic, for a body may have 25 MB, and which repository it says it is of is read
before its signature can be checked: pydantic builds the whole document first.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from mcp_handoff.errors import Malformed, ValidationFailed
from mcp_handoff.merges import Commit, Push
from mcp_handoff.schema import timestamp
from mcp_handoff.suggestions import LAST_PULL_REQUEST

COMMITS = 10_000
"""The most commits that one push may name: GitHub stops at 2,048, the others far earlier."""

NAME_LENGTH = 1_000

HEADER_LENGTH = 200

_SHA = "^(?:[0-9a-f]{40}|[0-9a-f]{64})$"
_NAME = r"^[^\x00-\x1f\x7f]+$"
_ADDRESS = "^https?://[!-~]+$"
_BRANCH = "refs/heads/"

Sha = Annotated[str, Meta(pattern=_SHA)]
"""A commit's whole hash."""

Name = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=_NAME)]
"""What a repository, a branch, a check or an environment is called."""

Address = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=_ADDRESS)]
"""Where a pull request is shown, for people to follow."""

Number = Annotated[int, Meta(ge=1, le=LAST_PULL_REQUEST)]

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?) ?(Z|UTC|[+-]\d\d:?\d\d)", re.ASCII
)

_FINDING = re.compile(r"(.*?)(?: - at `\$\.?([^`]*)`)?", re.DOTALL)
_WORDS = tuple(
    (re.compile(found), words)
    for found, words in (
        (r"Object missing required field", "is required"),
        (r"Expected `str[^`]*`, got", "must be a string"),
        (r"Expected `int[^`]*`, got", "must be an integer"),
        (r"Expected `bool[^`]*`, got", "must be true or false"),
        (r"Expected `array[^`]*`, got", "must be an array"),
        (r"Expected `object[^`]*`, got", "must be an object"),
        (r"Expected `int` >= (\d+)", r"must be at least \1"),
        (r"Expected `int` <= (\d+)", r"must be at most \1"),
        (r"Expected `str` of length <= (\d+)", r"must have at most \1 characters"),
        (r"Expected `array` of length <= (\d+)", r"must have at most \1 items"),
        (rf".*{re.escape(_SHA)}", "must be a commit's hash, 40 or 64 hexadecimal digits"),
        (rf".*{re.escape(_ADDRESS)}", "must be an http or https address"),
        (r"Expected `str` matching", "must have characters, and no control characters"),
        (r".*out of range", "is out of range"),
    )
)
"""What msgspec finds, and what we call it."""


class Payload(msgspec.Struct, frozen=True):
    """A part of a payload: exact types; whatever else it holds is not looked at. Where a field
    stands twice the last counts, as it does for the forges."""


PayloadT = TypeVar("PayloadT", bound=Payload)


class PushedCommit(Payload, frozen=True):
    """A commit as every forge tells of it in a push."""

    id: Sha
    message: str
    timestamp: str


PushedCommits = Annotated[list[PushedCommit], Meta(max_length=COMMITS)]


def decoded(body: bytes, kind: type[PayloadT]) -> PayloadT:
    """Return what a body holds.

    Raises Malformed for what is no JSON object, ValidationFailed with the field that is wrong.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _refusal(str(error)) from None
    except RecursionError:
        raise Malformed("The body is nested deeper than a forge's; nothing was stored.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Malformed("The body is not JSON; let the webhook send application/json.") from None


def header(headers: Mapping[str, str], *names: str) -> str:
    """Return the first of these headers that is there. Raises ValidationFailed."""
    name = next((name for name in names if headers.get(name)), names[0])
    value = headers.get(name, "")
    if not 0 < len(value) <= HEADER_LENGTH or not value.isprintable():
        why = f"must have 1 to {HEADER_LENGTH} printable characters"
        raise ValidationFailed.at(name, why, "a forge sends this header with every delivery")
    return value


def instant(told: str, field: str) -> str:
    """Return when something was, by RFC 3339 or as GitLab writes it (`2026-03-01 09:30:00 UTC`,
    `… +0100`), as a Timestamp. Raises ValidationFailed."""
    try:
        if not (found := _INSTANT.fullmatch(told)):
            raise ValueError
        day, time, zone = found.groups()
        zone = "Z" if zone == "UTC" else zone
        return timestamp(datetime.fromisoformat(f"{day}T{time}{zone}").astimezone(UTC))
    except (ValueError, OverflowError):
        why = "must be an instant with its zone, such as 2026-03-01T09:30:00Z"
        raise ValidationFailed.at(field, why, "nothing was stored") from None


def text(told: str | None) -> str:
    """Return what somebody wrote, without NUL, which not every database can hold."""
    return (told or "").replace("\x00", "\N{REPLACEMENT CHARACTER}")


def pushes(ref: str, head: str, commits: Sequence[PushedCommit]) -> list[Push]:
    """Return the push to a branch; none for a tag, for a branch that is gone, or of nothing."""
    if not ref.startswith(_BRANCH) or not head.strip("0") or not commits:
        return []
    # Gitea and Forgejo name the newest first.
    told = [*reversed(commits)] if commits[0].id == head else commits
    kept = [Commit(commit.id, text(commit.message)) for commit in told]
    pushed_at = instant(told[-1].timestamp, "commits.timestamp")
    return [Push(ref.removeprefix(_BRANCH), head, kept, pushed_at)]


def _refusal(finding: str) -> ValidationFailed:
    """Return what msgspec found as an error of ours."""
    found = _FINDING.fullmatch(finding)
    what, path = (found[1], found[2] or "") if found else (finding, "")
    missing = re.findall(r"^Object missing required field `(\w+)`", what)
    field = ".".join([*re.findall(r"[^.\[\]]+", path), *missing])
    if not field:
        return Malformed("The body is not a JSON object; let the webhook send application/json.")
    matches = ((pattern.match(what), words) for pattern, words in _WORDS)
    why = next((match.expand(words) for match, words in matches if match), "is not valid")
    return ValidationFailed.at(field, why, "nothing was stored")
