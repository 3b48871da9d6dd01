"""What an open page hears: the events of its stream."""

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import httpx2

from tests.portal.browser import Browser, Page


class Told(NamedTuple):
    """An event: its kind, and of a card the ticket and what it shows."""

    kind: str
    ticket: str = ""
    text: str = ""


BEAT = Told("beat")
CHANGED = Told("changed")
BEATS = 3
"""After how many beats, 20 seconds apart, no event is expected any more."""


@contextmanager
def hearing(browser: Browser, project: str) -> Generator[Iterator[Told]]:
    """Open a page of a project; yield what it is told from now on, until its stream ends."""
    with browser.http.stream("GET", "/changes", params={"project": project}) as stream:
        assert stream.status_code == 200, stream.read()
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        events = told(stream.iter_lines())
        assert next(events) == BEAT
        yield _without_beats(events)


def _without_beats(events: Iterator[Told]) -> Iterator[Told]:
    """Leave the beats out, until there were nothing but beats for a minute."""
    beats = 0
    for event in events:
        beats = beats + 1 if event == BEAT else 0
        assert beats <= BEATS, "nothing was heard"
        if event != BEAT:
            yield event


def told(lines: Iterable[str]) -> Iterator[Told]:
    """Read a stream of events (https://html.spec.whatwg.org/#parsing-an-event-stream)."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.strip()
        elif fields:
            yield _event(fields)
            fields = {}


def _event(fields: dict[str, str]) -> Told:
    if fields["event"] != "card":
        return Told(fields["event"])
    data = json.loads(fields["data"])
    return Told("card", data["ticket"], Page(httpx2.Response(200, text=data["html"])).text)
