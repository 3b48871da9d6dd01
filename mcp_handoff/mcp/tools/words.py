"""Words that the answers of several tools share."""

import json
from collections.abc import Iterable, Sequence


def page_of(lines: Iterable[str], next_cursor: str | None) -> str:
    """Return the lines of a page, with the way to the next one."""
    more = [f"More: the same call with cursor {next_cursor}"] if next_cursor else []
    return "\n".join([*lines, *more])


def masking(fields: Sequence[str] | None) -> str:
    """Return the sentence that says in which fields something was masked, with a space before."""
    return f" Masked what looked like a token or key in: {', '.join(fields)}." if fields else ""


def compact_json(value: object) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
