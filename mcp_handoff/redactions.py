"""Redactions: a text that is taken out of a ticket, wherever it stands."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Protocol, cast
from urllib.parse import quote, quote_plus

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from mcp_handoff.actors import Caller
from mcp_handoff.projects import ProjectName
from mcp_handoff.references import TicketName
from mcp_handoff.schema import STORABLE, IdempotencyKey, Replayable, Request
from mcp_handoff.text.characters import replaced, visible, visible_places

MARK = "[redacted]"
"""What stands in a text's place."""

SHORTEST, LONGEST = 4, 5_000
"""How many characters a text has that can be taken out: of shorter ones there are too many."""

TEXTS = frozenset(
    {
        *("title", "ticket_title", "description", "evidence", "criteria", "suggested_resolution"),
        *("implementation_notes", "resolution_note", "note", "body", "parked", "reason"),
        *("display_name", "metadata", "url", "error_message", "last_error"),
        *("actor_id", "owner", "former_owner", "requested_by", "created_by"),
        *("suggested_by", "settled_by"),
    }
)
"""Which fields hold what somebody wrote, or whom somebody said to be: in the store, in kept results
and in what is to be sent."""

NAMES = frozenset({"provider", "build_ref", "repo", "merge_sha", "principal_name"})
"""Which fields hold names that stay: those of credentials, and those by which forges and CI call
what is theirs."""

_OURS_OF_OUTPUT = "build_run"
"""What in `ai_output` is ours; everything else in it somebody wrote."""


def _check_text(text: str) -> str:
    seen = visible(text)
    if len(seen) < SHORTEST:
        why = f"must have at least {SHORTEST} characters that are seen"
        raise PydanticCustomError("redaction", "{why}", {"why": why})
    if seen in MARK:
        why = f"stands in the mark {MARK} itself"
        raise PydanticCustomError("redaction", "{why}", {"why": why})
    return text


class RedactTicket(Request):
    """Take a text out of a ticket and of all that was written with it."""

    ticket: TicketName
    text: Annotated[
        str,
        StringConstraints(min_length=SHORTEST, max_length=LONGEST),
        STORABLE,
        AfterValidator(_check_text),
    ] = Field(repr=False)
    project: ProjectName | None = None
    idempotency_key: IdempotencyKey | None = None


class RedactedTicket(Replayable):
    """In how many places a ticket's text was replaced, and in which fields it stands that stay.

    `erased` tells that no file of the store holds it any more, copies aside; otherwise its database
    may, where it keeps what was changed, for some time.
    """

    ticket: str
    places: int
    stays_in: list[str] = Field(default_factory=list[str])
    erased: bool = False


class RedactionOperations(Protocol):
    """What a backend does to forget a text."""

    async def redact_ticket(self, caller: Caller, request: RedactTicket, /) -> RedactedTicket:
        """Replace a text in a ticket, its roles, messages, suggestions, builds, history and search
        index, in kept results and in what is to be sent. Raises NotFound where it stands nowhere.
        """
        ...


class Redaction:
    """Replaces a text by MARK, however it is escaped, and counts where: `places`; and `stays_in`,
    the fields in which it stands and stays."""

    def __init__(self, text: str) -> None:
        self._pattern = _pattern_of(visible(text))
        self.places = 0
        self.stays_in = set[str]()

    def of_fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields, some of which hold others, without the text in those of TEXTS."""
        return {name: self._of(value, name, name in TEXTS) for name, value in fields.items()}

    def _of(self, value: Any, name: str, is_text: bool) -> Any:
        match value:
            case str() if is_text:
                return self._of_text(value)
            case str():
                if name in NAMES and self._pattern.search(value):
                    self.stays_in.add(name)
                return value
            case int() | float() if is_text and not isinstance(value, bool):
                text = json.dumps(value)
                without = self._of_text(text)
                return value if without == text else without
            case Mapping():
                items = cast(Mapping[str, Any], value).items()
                if is_text:
                    return {self._of_text(key): self._of(item, "", True) for key, item in items}
                return {
                    key: self._of(item, key, _holds_text(key, within=name)) for key, item in items
                }
            case list():
                return [self._of(item, name, is_text) for item in cast(list[Any], value)]
            case _:
                return value

    def _of_text(self, text: str) -> str:
        places = visible_places(text)
        seen = text if places is None else "".join(text[place] for place in places)
        spans = [(*found.span(), MARK) for found in self._pattern.finditer(seen)]
        self.places += len(spans)
        return replaced(text, places, spans)


def _holds_text(name: str, *, within: str) -> bool:
    return name in TEXTS or (within == "ai_output" and name != _OURS_OF_OUTPUT)


def _pattern_of(text: str) -> re.Pattern[str]:
    """Return what finds a text: as it is, in JSON, in JSON within JSON, and in an address or a
    form; with any white space between its words. Each form is plain, so the time that it takes
    grows with what is searched alone."""
    lines = text.replace("\r\n", "\n")
    in_json = (form for ends in (lines, lines.replace("\n", "\r\n")) for form in _escaped(ends))
    forms = {text, *in_json, quote(text), quote(text, safe=""), quote_plus(text)}
    return re.compile("|".join(map(_loosely, sorted(forms, key=len, reverse=True))))


def _escaped(text: str) -> Iterator[str]:
    """Yield the forms that a text has in JSON."""
    for is_ascii in (True, False):
        once = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        yield from (once, once.replace("/", "\\/"), json.dumps(once)[1:-1])


def _loosely(form: str) -> str:
    """Return the pattern of one form, with any white space and any case of hexadecimal digits."""
    parts: list[str] = []
    end = 0
    for loose in _LOOSE.finditer(form):
        within = r"\s+" if loose[0].isspace() else f"(?i:{re.escape(loose[0])})"
        parts += [re.escape(form[end : loose.start()]), within]
        end = loose.end()
    return "".join([*parts, re.escape(form[end:])])


_LOOSE = re.compile(r"\s+|\\u[0-9a-f]{4}|%[0-9A-F]{2}")
