"""JSON with comments and trailing commas, as clients' settings have it: read with the places of its
parts, so that an edit changes the characters of one member and no other.

No library that Python has does both: CONTRIBUTING.md says which were looked at.
"""

import json
import re
from dataclasses import dataclass

from pydantic import JsonValue

from mcp_handoff.clients.documents import Path, Unreadable, nested, place_of

DEEPEST = 100
"""How many objects and arrays may stand in one another."""

_TRIVIA = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_REST_OF_LINE = re.compile(r"(?:[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/))*")
_SCALAR = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?[\d.eE+-]+|true|false|null')
_INDENTATION = re.compile(r'^([ \t]+)["{]', re.MULTILINE)
_CLOSING = {"{": "}", "[": "]"}


@dataclass(slots=True)
class _Node:
    """A value, from where to where it stands; an object or an array has members."""

    start: int
    end: int
    scalar: JsonValue = None
    members: "list[_Member] | None" = None

    def member(self, key: str | int) -> "_Member | None":
        """Return a member; of several with one name the last, which is the one that counts."""
        return next((one for one in reversed(self.members or []) if one.key == key), None)


@dataclass(slots=True)
class _Member:
    """A member of an object or of an array, from its name on."""

    key: str | int
    start: int
    node: _Node


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    depth: int = 0

    def document(self) -> _Node | None:
        """Read the whole text; None when it holds nothing but space and comments."""
        if self.peek() == "":
            return None
        root = self.value()
        if self.peek() != "":
            raise self.unreadable("there is more after its end")
        return root

    def peek(self) -> str:
        """Return the next character that is neither space nor comment, "" at the end."""
        match = _TRIVIA.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def value(self) -> _Node:
        opening = self.peek()
        if opening in _CLOSING:
            return self.container(opening)
        match = _SCALAR.match(self.text, self.at)
        if match is None:
            raise self.unreadable("a value is missing" if opening else "it ends too early")
        try:
            scalar = json.loads(match.group())
        except ValueError:
            raise self.unreadable("this is no JSON value") from None
        self.at = match.end()
        return _Node(match.start(), match.end(), scalar)

    def container(self, opening: str) -> _Node:
        start, members = self.at, list[_Member]()
        self.at += 1
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.unreadable("it is nested too deeply")
        while self.peek() != _CLOSING[opening]:
            begins = self.at
            key = self.key() if opening == "{" else len(members)
            members.append(_Member(key, begins, self.value()))
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != _CLOSING[opening]:
                raise self.unreadable(f"a comma or {_CLOSING[opening]} is missing")
        self.at += 1
        self.depth -= 1
        return _Node(start, self.at, members=members)

    def key(self) -> str:
        if self.peek() != '"':
            raise self.unreadable("the name of a member is missing")
        name = self.value().scalar
        if self.peek() != ":":
            raise self.unreadable("a colon is missing")
        self.at += 1
        return str(name)

    def unreadable(self, why: str) -> Unreadable:
        return Unreadable(why, *place_of(self.text, self.at))


def load(text: str) -> dict[str, JsonValue]:
    """As `Syntax.load`."""
    root = _Reader(text).document()
    if root is None:
        return {}
    content = _plain(root, text)
    if not isinstance(content, dict):
        raise Unreadable("{ is missing", *place_of(text, root.start))
    return content


def put(text: str, path: Path, value: JsonValue) -> str:
    """As `Syntax.put`."""
    node = _Reader(text).document()
    if node is None:
        return f"{text}{_written(nested(path, value), '', _Layout.of(text))}\n"
    for depth, key in enumerate(path, 1):
        opening = "{" if isinstance(key, str) else "["
        if not text.startswith(opening, node.start):
            raise Unreadable(f"{opening} is missing", *place_of(text, node.start))
        member = node.member(key)
        if member is None:
            return _inserted(text, node, key, nested(path[depth:], value), depth)
        node = member.node
    layout = _Layout.of(text)
    written = _written(value, _line_indentation(text, node.start), layout)
    return text[: node.start] + written + text[node.end :]


def remove(text: str, path: Path) -> str:
    """As `Syntax.remove`."""
    node = _Reader(text).document()
    cut: tuple[_Node, _Member] | None = None
    for key in path:
        member = node.member(key) if node else None
        if node is None or member is None:
            return text
        if cut is None or not _holds_only(text, node, member):
            cut = node, member
        node = member.node
    return text if cut is None else _without(text, *cut)


def _plain(node: _Node, text: str) -> JsonValue:
    if node.members is None:
        return node.scalar
    if text[node.start] == "{":
        return {str(one.key): _plain(one.node, text) for one in node.members}
    return [_plain(one.node, text) for one in node.members]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a text is indented, and how its lines end."""

    indentation: str
    newline: str

    @classmethod
    def of(cls, text: str) -> "_Layout":
        found = _INDENTATION.search(text)
        return cls(found.group(1) if found else "  ", "\r\n" if "\r\n" in text else "\n")


def _written(value: JsonValue, indentation: str, layout: _Layout) -> str:
    lines = json.dumps(value, indent=layout.indentation, ensure_ascii=False).split("\n")
    return f"{layout.newline}{indentation}".join(lines)


def _line_indentation(text: str, at: int) -> str:
    """Return what the line of this character begins with."""
    line = text[max(text.rfind("\n", 0, at), -1) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _inserted(text: str, node: _Node, key: str | int, value: JsonValue, depth: int) -> str:
    layout = _Layout.of(text)
    members = node.members or []
    if members and text[: members[-1].start].rstrip(" \t").endswith("\n"):
        indentation = _line_indentation(text, members[-1].start)
    else:
        indentation = layout.indentation * depth
    name = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(key, str) else ""
    member = f"{layout.newline}{indentation}{name}{_written(value, indentation, layout)}"
    if not members:
        return _filled(text, node, member, layout)
    end = members[-1].node.end
    comma = _comma_after(text, end)
    at = _end_of_line_comment(text, end if comma is None else comma + 1)
    if comma is not None:
        return f"{text[:at]}{member},{text[at:]}"
    return f"{text[:end]},{text[end:at]}{member}{text[at:]}"


def _filled(text: str, node: _Node, member: str, layout: _Layout) -> str:
    """Return the text with the first member of what was empty, below the comments in it."""
    inside = text[node.start + 1 : node.end - 1]
    at = node.start + 1 + len(inside.rstrip())
    rest = text[at:]
    if "\n" not in text[at : node.end]:
        outer = _line_indentation(text, node.start)
        rest = f"{layout.newline}{outer}{text[node.end - 1 :]}"
    return f"{text[:at]}{member}{rest}"


def _holds_only(text: str, node: _Node, member: _Member) -> bool:
    """Tell whether a member is all that there is, no comments beside it."""
    before, after = text[node.start + 1 : member.start], text[member.node.end : node.end - 1]
    return not before.strip() and not after.strip(" \t\r\n,")


def _without(text: str, node: _Node, member: _Member) -> str:
    if _holds_only(text, node, member):
        return text[: node.start + 1] + text[node.end - 1 :]
    members = node.members or []
    place = members.index(member)
    previous = _comma_after(text, members[place - 1].node.end) if place else None
    comma = _comma_after(text, member.node.end)
    end = member.node.end if comma is None else comma + 1
    start = len(text[: member.start].rstrip())
    beside = text[node.start + 1 if previous is None else previous + 1 : start]
    if "//" in beside and not re.match(r"[ \t]*\r?\n", text[end:]):
        start = member.start  # else what follows would become a part of that comment
    if comma is None and previous is not None:
        return text[:previous] + text[previous + 1 : start] + text[end:]
    return text[:start] + text[end:]


def _comma_after(text: str, end: int) -> int | None:
    match = _TRIVIA.match(text, end)
    at = match.end() if match else end
    return at if text.startswith(",", at) else None


def _end_of_line_comment(text: str, at: int) -> int:
    """Return where the comments end that stand behind something on its line."""
    match = _REST_OF_LINE.match(text, at)
    return match.end() if match else at
