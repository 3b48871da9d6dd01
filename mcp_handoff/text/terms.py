"""Terms: what the words of a text and of a query are looked up by.

A text and a query are taken apart in the same way, so what is written differently meets: cases,
accents, German ß and ö, English word forms, identifiers and their parts. Scripts that put no spaces
between words are taken in pairs of characters (docs/decisions/search.md).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any, cast

import Stemmer

MOST_TERMS = 1_000
"""How many different terms of a ticket's texts are kept, the first ones."""

TERM_LENGTH = 64
"""Where a term is cut off."""

IN_TITLE, BEGINNING = "=", "^"
"""How a term begins that says of a ticket that a term is in its title, or that some word of it
begins with one or two letters: those are as common as words, and looked up like words."""

SHORT = 2
"""The most letters of such a beginning; longer ones are looked up among the terms."""

_TEXTS = ("title", "description", "suggested_resolution", "implementation_notes")

_LETTER = (
    r"\w\u0300-\u036f"  # accents that stand apart
    r"\u0900-\u0963\u0966-\u109f\u1780-\u17d3"  # vowel signs from Devanagari to Myanmar, and Khmer
    r"\u00ad\u200c\u200d"  # seen at most as a shape
)
_CHUNK = re.compile(rf"[{_LETTER}]+(?:[./:@\\-]+[{_LETTER}]+)*")
_ASCII_CHUNK = re.compile(r"[A-Za-z0-9_]+(?:[./:@\\-]+[A-Za-z0-9_]+)*")
_CONTRACTION = re.compile(r"['’](?:s|t|d|m|ll|ve|re)\b", re.IGNORECASE)
_IDENTIFIER = re.compile(rf"[{_LETTER}]+")
_SEAM = re.compile(r"_+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CODE = re.compile(r"([a-z]{2,})([0-9]{2,})|([0-9]{2,})([a-z]{2,})")
_UNSEEN = re.compile(r"[\u00ad\u200c\u200d]+")
_SIGNS = re.compile(r"[^0-9A-Za-z_\x80-\U0010ffff]+")
"""What some letters have between others when they are taken apart: ⑴ has brackets, ﷺ spaces."""
_QUERIED = re.compile(r"([^\s*]+)(\*?)")
_UNSPACED = re.compile(
    r"[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]+"
)
"""Chinese, Japanese, Korean, Thai, Lao, Myanmar, Khmer."""

_PLAIN = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_SPELT_OUT = {"a\u0308": "ae", "o\u0308": "oe", "u\u0308": "ue", "ø": "oe", "a\u030a": "aa"}
_ENDINGS = ("", "e", "g", "n", "on", "ing", "ed", "s", "es", "ion", "y")
"""What may be left out at the end of a word that is only begun."""

_stemmer: Any = Stemmer.Stemmer("english", 0)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - it has no types


@dataclass(frozen=True, slots=True)
class Word:
    """What a word of a query is looked up by: any of these terms, where one that ends in * stands
    for all that begin so; and any of those for its being in the title."""

    terms: tuple[str, ...]
    title_terms: tuple[str, ...] = ()


def terms_of(text: str) -> Iterator[str]:
    """Yield the terms of a text in their order, some more than once."""
    for chunk in _chunks(text):
        yield from _terms_of_chunk(chunk)


def different_terms_of(text: str) -> set[str]:
    """Return the terms of a text, in no order."""
    return set[str]().union(*map(_terms_of_chunk, _chunks(text)))


def terms_of_ticket(ticket: Mapping[str, Any], evidence: Any) -> list[str]:
    """Return what a ticket is found by: the terms of its texts, those of its title marked as well,
    and how they begin. `evidence` is its evidence as JSON."""
    texts = [ticket[name] for name in _TEXTS if ticket[name]]
    found = dict[str, None]()
    for chunk in chain.from_iterable(map(_chunks, chain(texts, _texts_in(evidence)))):
        found.update(_terms_of_chunk(chunk))
        if len(found) >= MOST_TERMS:
            break
    in_title = {IN_TITLE + term for term in different_terms_of(ticket["title"])}
    begun = {BEGINNING + term[:2] for term in found} | {BEGINNING + term[0] for term in found}
    return [*found, *in_title, *begun]


def words_of(query: str) -> list[Word]:
    """Return the words that a query asks for, each once."""
    found = dict[Word, None]()
    for text, star in _QUERIED.findall(query):
        chunks = [*_chunks(text)]
        begun = chunks.pop() if star and chunks and text.endswith(chunks[-1]) else ""
        *names, begun_name = _IDENTIFIER.findall(begun) or [""]
        for chunk in [*chunks, *names]:
            found.update((_word(term), None) for term in _terms_of_chunk(chunk))
        if parts := _split(begun_name):
            found.update((_word(term), None) for part in parts[:-1] for term in _pieces_of(part))
            found[_beginning(dict.fromkeys((parts[-1], "".join(parts))))] = None
    return list(found)


def _word(term: str) -> Word:
    if len(term) == 1 and _UNSPACED.match(term):
        return Word((BEGINNING + term,))
    return Word((term,), (IN_TITLE + term,))


def _beginning(parts: Iterable[str]) -> Word:
    """Return what words are looked up by that begin so, as the texts have them and as far as the
    ends of word forms leave them."""
    forms = list(dict.fromkeys(form for part in parts for form in _forms(part)))
    long = tuple(form for form in forms if len(form) > SHORT)
    stems = {_stem(form + ending) for form in long for ending in _ENDINGS}
    terms = [f"{form}*" for form in long]
    terms += sorted(stem for stem in stems if not stem.startswith(long))
    short = [BEGINNING + form for form in forms if len(form) <= SHORT]
    return Word((*short, *terms), tuple(IN_TITLE + term for term in terms))


def _chunks(text: str) -> Iterable[str]:
    pattern = _ASCII_CHUNK if text.isascii() else _CHUNK
    return pattern.findall(_CONTRACTION.sub("", text))


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the keys and values of a JSON value as texts."""
    match value:
        case Mapping():
            for key, item in cast(Mapping[str, Any], value).items():
                yield key
                yield from _texts_in(item)
        case list():
            for item in cast(list[Any], value):
                yield from _texts_in(item)
        case str() | int() | float() if not isinstance(value, bool):
            yield str(value)
        case _:
            pass


@lru_cache(maxsize=4_000)
def _terms_of_chunk(chunk: str) -> Mapping[str, None]:
    """Return the terms of what stands together without a space, each once: of its identifiers,
    whole and in their parts, and of those that are neighbours taken together."""
    names = _IDENTIFIER.findall(chunk)
    joined = ["".join(pair) for pair in pairwise(names)]
    if len(names) > 2:
        joined.append("".join(names))
    terms = [term for name in names for term in _terms_of_name(name)]
    terms += [_stem(form) for name in joined for form in _forms(name.replace("_", ""))]
    return dict.fromkeys(term for term in terms if term)


def _terms_of_name(name: str) -> Iterator[str]:
    parts = _split(name)
    if len(parts) > 1:
        yield from map(_stem, _forms("".join(parts)))
    for part in parts:
        if len(parts) == 1 or len(part) > 1 or not part.isascii() or part.isdecimal():
            yield from _pieces_of(part)


def _pieces_of(part: str) -> Iterator[str]:
    for form in _forms(part):
        if code := _CODE.fullmatch(form):
            yield from filter(None, code.groups())
        yield from _pieces(form)


def _split(name: str) -> list[str]:
    return [part for part in _SEAM.split(name) if part]


def _forms(part: str) -> tuple[str, ...]:
    """Return a part without case and accents, and once more with its umlauts spelt out."""
    if part.isascii():
        return (part.lower(),)
    taken_apart = unicodedata.normalize("NFKD", _UNSEEN.sub("", part).casefold()).casefold()
    taken_apart = _SIGNS.sub("", taken_apart)
    spelt_out = taken_apart
    for umlaut, letters in _SPELT_OUT.items():
        spelt_out = spelt_out.replace(umlaut, letters)
    return tuple(dict.fromkeys((_without_marks(taken_apart), _without_marks(spelt_out))))


def _without_marks(text: str) -> str:
    """Return a text without the marks above and below its letters; those that make another letter
    (voiced kana, vowel signs) stay."""
    kept = "".join(character for character in text if unicodedata.combining(character) < 200)
    return unicodedata.normalize("NFC", kept.translate(_PLAIN))


def _pieces(form: str) -> Iterator[str]:
    """Yield the term of a word, and pairs of characters where words have no spaces between them."""
    if form.isascii():
        yield _stem(form)
        return
    rest = 0
    for run in _UNSPACED.finditer(form):
        yield from filter(None, [_stem(form[rest : run.start()])])
        characters = run.group()
        yield from ["".join(pair) for pair in pairwise(characters)] or [characters]
        rest = run.end()
    yield from filter(None, [_stem(form[rest:])])


def _stem(form: str) -> str:
    stem: str = _stemmer.stemWord(form) if form.isascii() and form.isalpha() else form
    return stem[:TERM_LENGTH]
