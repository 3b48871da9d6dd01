"""Markdown: what in a text is its writer's own words."""

import re
from collections.abc import Iterator

_MARK = re.compile(r"<!--|<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*+)[^<>]*+>")
_COMMENT_END = re.compile(r"-->")
_QUOTING = frozenset({"blockquote", "code", "del", "pre"})
_NOT_OWN = frozenset({"BlockQuote", "CodeBlock", "Strikethrough"})
_WITHIN_A_LINE = frozenset({"Emphasis", "Strong", "Strikethrough", "Link", "Image"})
_LEFT_OUT = "`"


def paragraphs(text: str) -> Iterator[str]:
    """Yield a Markdown text's paragraphs in plain words, and where its links lead.

    Markup is taken off, and so is what is not the writer's own: code, quotes, struck text and
    comments, in raw HTML too. A mark stands for what is left out of a line, so that what was apart
    does not come together. It reads CommonMark, and strikethrough as GitHub has it.
    """
    import pyromark

    words: list[str] = []
    quoted = 0
    blocks = _RawHtml()
    tags = _RawHtml()
    well_formed = text.encode("utf-8", "replace").decode("utf-8")
    for event in pyromark.events(well_formed, options=pyromark.Options.ENABLE_STRIKETHROUGH):
        hidden = quoted or blocks.hides or tags.hides
        if isinstance(event, str):
            words.append("\n")
        elif "Text" in event:
            words.append(_LEFT_OUT if hidden else event["Text"])
        elif "Html" in event:
            words.append(blocks.read(event["Html"]))
        elif "InlineHtml" in event:
            words.append(tags.read(event["InlineHtml"]))
        elif "Start" in event or "End" in event:
            tag = event["Start"] if "Start" in event else event["End"]
            name = tag if isinstance(tag, str) else next(iter(tag))
            if words and name not in _WITHIN_A_LINE:
                yield "".join(words)
                words.clear()
                tags = _RawHtml()
            if name in _NOT_OWN:
                quoted += 1 if "Start" in event else -1
            elif not isinstance(tag, str) and "Link" in tag and not hidden:
                yield "".join(tag["Link"]["dest_url"].split())
        else:
            words.append(_LEFT_OUT)
    yield "".join(words)


class _RawHtml:
    """Raw HTML, read in pieces: the lines of a text's blocks, or the tags within a paragraph, whose
    quoting ends with it even where a tag is only spoken of ("handle <code> in titles")."""

    def __init__(self) -> None:
        self._in_comment = False
        self._quoting = 0

    @property
    def hides(self) -> bool:
        """Whether what comes next is in a comment, a quote or code."""
        return self._in_comment or self._quoting > 0

    def read(self, piece: str) -> str:
        """Return the words of a piece; a space stands for each tag and comment."""
        words: list[str] = []
        place = 0
        while found := (_COMMENT_END if self._in_comment else _MARK).search(piece, place):
            words.append(_LEFT_OUT if self.hides else piece[place : found.start()])
            place = found.end()
            if found[0] in ("<!--", "-->"):
                self._in_comment = found[0] == "<!--"
            elif found["name"].lower() in _QUOTING:
                self._quoting = max(0, self._quoting + (-1 if found["end"] else 1))
        words.append(_LEFT_OUT if self.hides else piece[place:])
        return " ".join(words)


def as_html(text: str) -> str:
    """Return a Markdown text as HTML, with whatever HTML stands in it: nobody is shown that before
    it was cleaned. It reads CommonMark, and tables and strikethrough as GitHub has them."""
    import pyromark

    extensions = pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TABLES
    return pyromark.html(text.encode("utf-8", "replace").decode("utf-8"), options=extensions)
