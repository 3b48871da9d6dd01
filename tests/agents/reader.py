"""What an agent makes of an answer of which it sees one form only."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcp_types import CallToolResult

from tests.mcp.agent import text

Form = Literal["structured", "text"]
"""Which of the two forms of an answer a client hands on."""

FORMS: tuple[Form, ...] = ("structured", "text")

_FIELD = re.compile(r"([a-z_]+): ?(.*)")
_NAME = re.compile(r"(?:; )?([a-z_]+) ")
_BARE = re.compile(r"[^;,]*")
_PLAIN = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer as its reader knows it: `facts` by name, and everything that was shown."""

    failed: bool
    shown: str
    facts: Mapping[str, Any]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a list; there are none where the answer says so."""
        return self.facts[name] if isinstance(self.facts[name], list) else []

    def row(self, of: str, **having: Any) -> dict[str, Any]:
        """Return the only row that has these values."""
        wanted = having.items()
        [found] = [row for row in self.rows(of) if all(row.get(k) == v for k, v in wanted)]
        return found


def seen(result: CallToolResult, form: Form) -> Seen:
    """Return what a client shows of an answer that hands on this form alone."""
    if form == "text":
        told = text(result)
        return Seen(result.is_error or False, told, {} if result.is_error else facts_of(told))
    facts: dict[str, Any] = result.structured_content or {}
    shown = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    if result.is_error:
        shown = "; ".join(str(value) for value in facts["error"].values())
    return Seen(result.is_error or False, shown, facts)


def facts_of(told: str) -> dict[str, Any]:
    """Return the facts that an answer's lines tell."""
    message, *lines = told.splitlines()
    facts: dict[str, Any] = {"message": message}
    name = ""
    for line in lines:
        if line.startswith("- ") and isinstance(facts.get(name), list):
            facts[name].append(_row(line[2:]))
        elif line.startswith("  ") and isinstance(facts.get(name), str):
            facts[name] = f"{facts[name]}\n{line[2:]}".lstrip("\n")
        elif found := _FIELD.fullmatch(line):
            name, value = found.groups()
            facts[name] = _value(value) if value else [] if name in _LISTS else ""
    return facts


_LISTS = frozenset({"tickets", "suggestions", "builds", "events", "projects", "similar"})


def _value(written: str) -> Any:
    if written.startswith(("{", "[")):
        try:
            return json.loads(written)
        except ValueError:
            return written
    return {"true": True, "false": False}.get(written, written)


def _row(written: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    at = 0
    while found := _NAME.match(written, at):
        values, at = _values(written, found.end())
        row[found[1]] = values[0] if len(values) == 1 else values
    return row


def _values(written: str, at: int) -> tuple[list[Any], int]:
    """Return the values that stand between commas from here on, and where they end."""
    values: list[Any] = []
    while True:
        if written[at : at + 1] in ('"', "{", "["):
            value, at = _PLAIN.raw_decode(written, at)
        else:
            found = _BARE.match(written, at)
            assert found is not None
            value, at = _value(found[0]), found.end()
        values.append(value)
        if written[at : at + 2] != ", ":
            return values, at
        at += 2
