"""What text may hold when it comes in, and what of it is shown when it goes out."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# Shown as nothing and not in category Cf: fillers, variation selectors, the grapheme joiner.
_HIDDEN = frozenset(
    chr(point)
    for start, end in ((0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F))
    for point in range(start, end + 1)
) | {"\u3164", "\uffa0"}
_VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_LINE_CONTROLS = frozenset("\n\t\r")
_LINE_ENDS = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")


def storable(text: str) -> str:
    """Return `text`, which every database can hold; ValueError says what it can't."""
    if found := _UNSTORABLE.search(text):
        kind = "a NUL character" if found.group() == "\x00" else "a lone surrogate"
        raise ValueError(f"must not contain {kind}")
    return text


def visible(text: str) -> str:
    """Return `text` without invisible and bidirectional control characters (Unicode TR 36)."""
    if text.isascii() and text.isprintable():
        return text
    return text.translate(dict.fromkeys(map(ord, _hidden_in(text))))


def visible_places(text: str) -> list[int] | None:
    """Return where in `text` the characters stand that `visible` keeps, None for everywhere."""
    if text.isascii() and text.isprintable():
        return None
    hidden = _hidden_in(text)
    if not hidden:
        return None
    return [place for place, character in enumerate(text) if character not in hidden]


def replaced(text: str, places: list[int] | None, spans: Iterable[tuple[int, int, str]]) -> str:
    """Return `text` with others in place of what stands at some spans of what is visible of it, at
    `places`: in order and apart from one another. What is invisible within a span goes with it."""
    parts: list[str] = []
    end = 0
    for start, stop, instead in spans:
        first, last = (start, stop - 1) if places is None else (places[start], places[stop - 1])
        parts += [text[end:first], instead]
        end = last + 1
    return "".join([*parts, text[end:]])


def made_visible(value: Any) -> Any:
    """Apply `visible` to every text in a JSON value, keys included."""
    return mapped_texts(value, lambda text, _: visible(text))


def mapped_texts(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    """Return a JSON value with every text in it changed, keys included.

    `change` gets each text with the name of the field that it stands in; a key stands in none.
    """
    match value:
        case str():
            return change(value, name)
        case Mapping():
            items = cast(Mapping[str, Any], value).items()
            return {change(key, ""): mapped_texts(item, change, key) for key, item in items}
        case list():
            return [mapped_texts(item, change, name) for item in cast(list[Any], value)]
        case _:
            return value


def folded(text: str) -> str:
    """Return `text` on one line: a space for each run of what Python and Unicode end lines with."""
    return _LINE_ENDS.sub(" ", text)


def one_line(text: str) -> str:
    """Return `text` on one line, without what steers a terminal or is not seen."""
    return visible(" ".join(text.split()))


def listed(names: Sequence[str], last: str = "and") -> str:
    """Return names as a sentence lists them: a, b and c."""
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def shortened(text: str, length: int) -> str:
    """Return one line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _hidden_in(text: str) -> set[str]:
    return {character for character in set(text) if _is_hidden(character)}


@lru_cache(maxsize=1_024)
def _is_hidden(character: str) -> bool:
    if character in _LINE_CONTROLS:
        return False
    if unicodedata.category(character) in ("Cc", "Cf", "Cs"):
        return True
    return character in _HIDDEN or any(ord(character) in block for block in _VARIATION_SELECTORS)
