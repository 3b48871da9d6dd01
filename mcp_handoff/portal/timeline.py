"""Timelines: what was written and done on a ticket, in the order in which it happened."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mcp_handoff.events import Event
from mcp_handoff.messages import Message

_TOLD_ELSEWHERE = frozenset({"fence", "run", "build", "note"})
"""What an event keeps that says nothing to a person, or stands in a message of its own."""

_NAMES_BEFORE = {"new_stage": "stage"}
"""What a field is called before a change, by what it is called after it."""

_TOLD_OF_NEW = frozenset({"role", "to_role"})
"""What is told of an event that has nothing before it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message, or an event that is none."""

    message: Message | None = None
    event: Event | None = None

    @property
    def differences(self) -> Iterator[tuple[str, str, str]]:
        """What an event changed: its name, what it was, what it is."""
        return differences(self.event) if self.event else iter(())


def timeline(
    messages: Sequence[Message], events: Sequence[Event], *, is_first: bool, is_last: bool
) -> list[Entry]:
    """Return a page of a thread with what was done in its time, the oldest first: on the first
    page also what was done before, on the last what was done since."""
    since = messages[0].created_at if messages and not is_first else ""
    until = messages[-1].created_at if messages and not is_last else None
    entries = [
        *((one.created_at, 1, Entry(message=one)) for one in messages),
        *(
            (one.created_at, 0, Entry(event=one))
            for one in events
            if one.kind != "message.added"
            and since <= one.created_at
            and (until is None or one.created_at < until)
        ),
    ]
    return [entry for *_, entry in sorted(entries, key=lambda entry: entry[:2])]


def differences(event: Event) -> Iterator[tuple[str, str, str]]:
    """Yield what an event changed: its name, what it was, what it is, each "" where it does not
    say."""
    before = event.before or {}
    after = {_NAMES_BEFORE.get(name, name): value for name, value in (event.after or {}).items()}
    for name in dict.fromkeys([*before, *after]):
        was, now = _plain(before.get(name)), _plain(after.get(name))
        is_told = name not in _TOLD_ELSEWHERE if event.before else name in _TOLD_OF_NEW
        if is_told and was != now:
            yield name, was, now


def _plain(value: Any) -> str:
    """Return a value of an event as a person reads it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_plain, cast(list[Any], value))) or "none"
        case Mapping():
            items = cast(Mapping[str, Any], value).items()
            return ", ".join(f"{name} {_plain(item)}" for name, item in items)
        case _:
            return str(value)
