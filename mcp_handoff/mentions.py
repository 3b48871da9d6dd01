"""Which tickets a pull request's or a commit's words name, and which of them it declares to close.

A title, a body and a commit's message are all read as Markdown (CommonMark, and strikethrough of
GitHub's), for people write backticks in commits too. What a reader does not take for the writer's
own words names nothing: code, quotes, struck text, HTML comments.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

from mcp_handoff.references import IN_TEXT
from mcp_handoff.text.markdown import paragraphs

MOST = 100
"""How many tickets a text may name; those after them are passed over."""

_KEYWORD = r"(?<![\w-])(?i:close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_PLAIN = re.compile(IN_TEXT)
_LINE = re.compile(r"[^\n]+")
_MENTION = re.compile(
    rf"(?:(?P<keyword>{_KEYWORD})(?:[ \t\xa0]*+:[ \t\xa0]*+|[ \t\xa0]++))?{IN_TEXT}"
)
_LISTED = re.sub(r"\?P<\w+>", "?:", IN_TEXT)
_TRAILER = re.compile(
    rf"[ \t]*+{_KEYWORD}[ \t]*+:[ \t]*+{_LISTED}"
    rf"(?:(?:,|,?[ \t]++(?:and|&)[ \t])?[ \t]*+{_LISTED})*+[ \t.,]*+"
)
_REVERTING = re.compile(r'[ \t]*+(?:Revert|Reapply) "')

# Up to two words may come between: "doesn't fully fix".
_NEGATED = re.compile(
    r"(?:\b(?:not(?!\s+(?:only|just)\b)|never|cannot|without|neither|nor|no\s+longer"
    r"|partly|partially)|n['\u2019]t)\b(?:\s+\w+){0,2}\s+\Z"
    r"|\[ \]\s+\Z",
    re.IGNORECASE,
)
_NEARBY = 80
"""As far back a negation is looked for."""

_BRANCH = re.compile(
    r"(?<![^\W_])[Hh][Oo]-([1-9][0-9]{0,14})(?:-([A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+))?+"
    r"(?![^\W_]|\.\w)"
)

_REVERTED = re.compile(r"^ {0,3}This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
_REVERTED_MERGE = re.compile(
    rf"{_REVERTED.pattern}, reversing\s{{1,3}}changes made to", re.MULTILINE
)
_REVERTED_PULL = re.compile(
    r"^ {0,3}(?:Reverts (?P<repo>[\w.-]++/[\w.-]++)?#|This reverts merge request !)"
    r"(?P<number>[1-9][0-9]{0,14})\b",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A ticket that a text names: its number, the project's slug where it is written with it (else
    the project that the repository is linked to), and whether the text declares to close it."""

    number: int
    project: str | None
    closes: bool


def find_mentions(text: str) -> list[Mention]:
    """Return the tickets that a title, a body or a commit's message names, each once, in order.

    A ticket is closed by a keyword directly before it, on its line, with or without a colon:
    close, closes, closed, fix, fixes, fixed, resolve, resolves, resolved. In a list the keyword
    stands for the first alone ("Closes HO-1, HO-2"), unless the line is a trailer and nothing
    else ("Closes: HO-1, HO-2"). A negation before the keyword, a box that is not ticked and the
    title of what a revert reverts leave a mention.

    After a slash a number needs its project: the path is another tracker's or a file's.
    """
    if not _PLAIN.search(text):
        return []
    closes: dict[tuple[int, str | None], bool] = {}
    for paragraph in paragraphs(text):
        for found, declared in _in_paragraph(paragraph):
            project = found["project"]
            name = (int(found["number"]), project.lower() if project else None)
            if name in closes or len(closes) < MOST:
                closes[name] = closes.get(name, False) or declared
    return [Mention(*name, closes=declared) for name, declared in closes.items()]


def find_in_branch(name: str, projects: Container[str]) -> list[Mention]:
    """Return the tickets that a branch's name holds; a branch closes nothing.

    The words after a number may be a project's slug, or what the branch is about. They name the
    project that the most of them spell, of `projects`: ho-12-web-shop-cart is ticket 12 of
    web-shop where there is one, else of shop's own project.
    """
    found: dict[Mention, None] = {}
    for match in _BRANCH.finditer(name):
        words = (match[2] or "").lower().split("-")
        slugs = ("-".join(words[:count]) for count in range(min(len(words), 30), 0, -1))
        project = next((slug for slug in slugs if slug in projects), None)
        found[Mention(int(match[1]), project, closes=False)] = None
    return list(found)[:MOST]


def reverted_commits(message: str) -> list[str]:
    """Return the commits that a message says it reverts, as git, GitHub, GitLab and Forgejo write
    it: the SHA, in full or the beginning of it."""
    return [found[1] for found in _REVERTED.finditer(message)]


def reverted_merges(message: str) -> list[str]:
    """Return those of the reverted commits that are merges, which are taken back with all that came
    by them."""
    return [found[1] for found in _REVERTED_MERGE.finditer(message)]


def reverted_pulls(body: str, repo: str) -> list[int]:
    """Return the numbers of `repo`'s pull requests that a pull request's body says it reverts, as
    GitHub ("Reverts owner/name#50") and GitLab ("This reverts merge request !50") write it."""
    return [
        int(found["number"])
        for found in _REVERTED_PULL.finditer(body)
        if (found["repo"] or repo).lower() == repo.lower()
    ]


def _in_paragraph(paragraph: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Yield each reference in a paragraph, and whether the paragraph declares to close it."""
    for line in _LINE.finditer(paragraph):
        reverting = _REVERTING.match(paragraph, *line.span())
        trailer = _TRAILER.fullmatch(paragraph, *line.span())
        for found in _MENTION.finditer(paragraph, *line.span()):
            before = paragraph[max(0, found.start() - _NEARBY) : found.start()]
            if before.endswith("/") and not found["project"]:
                continue
            declared = bool(found["keyword"]) and not reverting and not _NEGATED.search(before)
            yield found, declared or bool(trailer)
