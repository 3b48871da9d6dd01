"""TOML, edited so that comments, order and blank lines stay."""

from collections.abc import MutableMapping
from typing import Any, cast

import tomlkit
from pydantic import JsonValue
from tomlkit.exceptions import ParseError, TOMLKitError

from mcp_handoff.clients.documents import Path, Unreadable

Table = MutableMapping[str, Any]


def load(text: str) -> dict[str, JsonValue]:
    """As `Syntax.load`."""
    return _parsed(text).unwrap()


def put(text: str, path: Path, value: JsonValue) -> str:
    """As `Syntax.put`. A new table comes at the end of the text, for what stands before a table may
    be said of that."""
    document = _parsed(text)
    tables, name = _tables(document, path), str(path[-1])
    if isinstance(value, dict) and (tables is None or name not in tables[-1]):
        added = _with_table(text, path, value)
        if added is not None:
            return added
        value = _filled(tomlkit.inline_table(), value)
    if tables is None:
        raise Unreadable(f"{path[0]} is not a table", 1, 1)
    tables[-1][name] = value
    return tomlkit.dumps(document)


def remove(text: str, path: Path) -> str:
    """As `Syntax.remove`."""
    document = _parsed(text)
    tables = _tables(document, path)
    if tables is None or str(path[-1]) not in tables[-1]:
        return text
    for table, key in zip(reversed(tables), reversed(path), strict=True):
        del table[str(key)]
        if table:
            break
    left = tomlkit.dumps(document)
    return _without_blank_end(text, left) if text.startswith(left) else left


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except ParseError as error:
        why = str(error).rpartition(" at line ")[0]
        raise Unreadable(why, error.line, error.col + 1) from None
    except TOMLKitError as error:
        raise Unreadable(str(error), 1, 1) from None


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
    try:
        tomlkit.parse(added).unwrap()
    except TOMLKitError:
        return None
    return added


def _without_blank_end(text: str, left: str) -> str:
    """Return what is left of a text whose end was removed, without the blank line before that."""
    newline = "\r\n" if "\r\n" in text else "\n"
    times = 1 if text.endswith("\n") else 2
    return left.removesuffix(newline * times) if left.endswith(newline * 2) else left
