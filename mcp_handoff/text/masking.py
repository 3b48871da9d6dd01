"""Tokens and keys that someone pasted: recognised by their shapes and masked."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from mcp_handoff.text.characters import mapped_texts, replaced, visible_places
from mcp_handoff.text.secret_shapes import (
    IN_CONTEXT,
    PASSWORD_NAME,
    PREFIXED,
    TELLING_NAME,
    TOKEN_NAME,
    is_drawn,
    is_password,
)

Span = tuple[int, int, str]
"""Where a secret begins and ends, and its kind."""


def mask(text: str) -> str:
    """Return `text` with every recognised secret replaced by `[masked: what it was]`.

    Invisible characters within a secret hide nothing: whoever shows the text would join it again.
    """
    places = visible_places(text)
    spans = find_secrets(text if places is None else "".join(text[place] for place in places))
    masks = ((start, stop, f"[masked: {kind}]") for start, stop, kind in spans)
    return replaced(text, places, masks)


def find_secrets(text: str) -> list[Span]:
    """Return where secrets stand in a text, in order and apart from one another.

    The time it takes grows with the text alone, whatever it holds.
    """
    spans: list[Span] = []
    for start, end, kind in sorted(_matches(text), key=lambda span: (span[0], -span[1])):
        if spans and start < spans[-1][1]:
            first, last, of = spans[-1]
            spans[-1] = (first, max(last, end), of)
        else:
            spans.append((start, end, kind))
    return spans


def _matches(text: str) -> Iterator[Span]:
    if _BEGINNING.search(text):
        for kind, rests in PREFIXED.items():
            for sign, rest in rests.items():
                if sign in text:
                    for found in _prefixed(sign, rest).finditer(text):
                        yield *found.span(), kind
    lowered = text.lower()
    signs = {sign for sign in _SIGNS if sign in lowered}
    for context in IN_CONTEXT:
        if not signs.isdisjoint(context.signs):
            for found in re.finditer(context.pattern, text):
                if context.holds(found["secret"]):
                    yield *found.span("secret"), context.kind


def _any_of(signs: Iterable[str]) -> str:
    """Return what finds any of these signs: by their first characters, of which few come in
    question at each place of a text."""
    by_first = groupby(sorted(signs), key=itemgetter(0))
    rests = {first: "|".join(re.escape(sign[1:]) for sign in of) for first, of in by_first}
    return "|".join(f"{re.escape(first)}(?:{rest})" for first, rest in rests.items())


_PREFIXES = [sign for rests in PREFIXED.values() for sign in rests]
_BEGINNING = re.compile(
    f"(?<![A-Za-z0-9])(?:{_any_of(sign for sign in _PREFIXES if sign[0].isalnum())})"
    f"|{_any_of(sign for sign in _PREFIXES if not sign[0].isalnum())}"
)
"""What a secret begins with: few texts have any of it, and to look for each takes long."""

_SIGNS = frozenset(sign for context in IN_CONTEXT for sign in context.signs)


@lru_cache(maxsize=512)
def _prefixed(sign: str, rest: str) -> re.Pattern[str]:
    """Return a shape that begins where a word does; the sign comes first, for it is found fast."""
    begins = f"(?<![A-Za-z0-9]{re.escape(sign)})" if sign[0].isalnum() else ""
    return re.compile(f"{re.escape(sign)}{begins}{rest}")


def masked_json(value: Any) -> Any:
    """Apply `mask` to every text in a JSON value, keys included; under the name of a password or
    another secret any word counts as one, under that of a token what looks drawn."""
    return mapped_texts(value, _mask_in_field)


def _mask_in_field(text: str, name: str) -> str:
    if _WORD.fullmatch(text):
        for telling, kind, holds in _TELLING_NAMES:
            if telling.search(name) and holds(text):
                return f"[masked: {kind}]"
    return mask(text)


_TELLING_NAMES = (
    (re.compile(f"(?i:{PASSWORD_NAME})$"), "password", is_password),
    (re.compile(f"(?i:{TELLING_NAME})$"), "secret", is_password),
    (re.compile(f"(?i:{TOKEN_NAME})$"), "secret", is_drawn),
)
_WORD = re.compile(r"\S{4,}")


def masked_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str] | None]:
    """Return the fields with their secrets masked, and the names of those that held one."""
    masked = {name: masked_json(value) for name, value in fields.items()}
    changed = [name for name, value in masked.items() if value != fields[name]]
    return masked, changed or None
