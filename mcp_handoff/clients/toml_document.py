"""TOML, edited table by table: tomlkit keeps the comments in one, and what is not of it is never
written anew."""

import re
import tomllib
from collections.abc import MutableMapping
from typing import Any, cast

import tomlkit
from pydantic import JsonValue
from tomlkit.exceptions import TOMLKitError

from mcp_handoff.clients.documents import Path, Unreadable, place_of

Table = MutableMapping[str, Any]

_NO_CONTENT = re.compile(r"(?<=\n)(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*(?:#[^\n]*)?\Z")
"""Blank lines and comments at the end of a table, which may be said of the next one."""


def load(text: str) -> dict[str, JsonValue]:
    """As `Syntax.load`."""
    return _parsed(text).unwrap()


def put(text: str, path: Path, value: JsonValue) -> str:
    """As `Syntax.put`. A new table comes at the end of the text."""
    start, end = _span(text, path[:-1])
    part = _parsed(text[start:end])
    tables, name = _tables(part, path), str(path[-1])
    if isinstance(value, dict) and (tables is None or name not in tables[-1]):
        added = _with_table(text, path, value)
        if added is not None:
            return added
        value = _filled(tomlkit.inline_table(), value)
    if tables is None:
        found = re.search(rf"^[ \t]*{re.escape(str(path[0]))}\b", text, re.MULTILINE)
        raise Unreadable("this is not a table", *place_of(text, found.start() if found else 0))
    tables[-1][name] = value
    return text[:start] + tomlkit.dumps(part) + text[end:]


def remove(text: str, path: Path) -> str:
    """As `Syntax.remove`."""
    if _header(text, path) is not None:
        return _without_table(text, *_span(text, path))
    start, end = _span(text, path[:-1])
    part = _parsed(text[start:end])
    tables = _tables(part, path)
    if tables is None or str(path[-1]) not in tables[-1]:
        return text
    for table, key in zip(reversed(tables), reversed(path), strict=True):
        del table[str(key)]
        if table:
            break
    return text[:start] + tomlkit.dumps(part) + text[end:]


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError:
        raise Unreadable("this is not valid TOML", *_place_of_error(text)) from None


def _place_of_error(text: str) -> tuple[int, int]:
    """Return where a text is no TOML, as Python's parser tells it: tomlkit takes the end of a text
    for a character, and where it began to read for where that is."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if found := re.search(r"at line (\d+), column (\d+)", str(error)):
            return int(found[1]), int(found[2])
        return place_of(text, len(text))
    return 1, 1


def _is_whole(text: str) -> bool:
    """Tell whether a text ends where one of TOML may, and not within a value."""
    try:
        tomlkit.parse(text)
    except TOMLKitError:
        return False
    return True


def _first_header(text: str, names: str, at: int = 0) -> int | None:
    """Return where the first header of a table with such names is, from `at` on."""
    lines = re.compile(rf"^[ \t]*\[{names}", re.MULTILINE).finditer(text, at)
    return next((line.start() for line in lines if _is_whole(text[: line.start()])), None)


def _header(text: str, path: Path) -> int | None:
    """Return where the header of a table is; None where it is written in another way."""
    return _first_header(text, rf"{_names(path)}\]")


def _names(path: Path) -> str:
    """Return how the names of a table read in its header."""
    names = (rf"[ \t]*[\"']?{re.escape(str(key))}[\"']?[ \t]*" for key in path)
    return r"\.".join(names)


def _span(text: str, path: Path) -> tuple[int, int]:
    """Return from where to where a table goes with the tables in it that follow, without comments
    for what comes next; all of the text where the table has no header."""
    start = _header(text, path) if path else None
    if start is None:
        return 0, len(text)
    other = _first_header(text, rf"(?!{_names(path)}[.\]])", start + 1)
    end = len(text) if other is None else other
    blank = _NO_CONTENT.search(text, start, end)
    return start, blank.start() if blank else end


def _tables(document: tomlkit.TOMLDocument, path: Path) -> list[Table] | None:
    """Return the tables that a place is in, the outermost first; None if there is none of them."""
    tables: list[Table] = [document]
    for key in path[:-1]:
        table = tables[-1].get(str(key))
        if not isinstance(table, MutableMapping):
            return None
        tables.append(cast(Table, table))
    return tables


def _filled(table: Table, value: dict[str, JsonValue]) -> Any:
    for name, member in value.items():
        table[name] = member
    return table


def _with_table(text: str, path: Path, value: dict[str, JsonValue]) -> str | None:
    """Return the text with a table at its end; None where TOML allows none, for the table above it
    is written in one line."""
    newline = "\r\n" if "\r\n" in text else "\n"
    table = _filled(tomlkit.table(), value)
    for key in reversed(path):
        outer = tomlkit.table(is_super_table=True)
        outer[str(key)] = table
        table = outer
    block = table.as_string().replace("\n", newline)
    if text and not text.endswith("\n"):
        added = text + newline * 2 + block.removesuffix(newline)
    else:
        added = text + (newline if text else "") + block
    return added if _is_whole(added) else None


def _without_table(text: str, start: int, end: int) -> str:
    """Return the text without a table, and without the blank line before it."""
    newline = "\r\n" if "\r\n" in text else "\n"
    before, after = text[:start], text[end:]
    if before.endswith(newline * 2):
        before = before.removesuffix(newline)
    if not text.endswith("\n") and not after:
        before = before.removesuffix(newline)
    return before + after
