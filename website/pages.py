"""Markdown that the reference pages are put together from."""

import json
from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose cells are Markdown of one line; what splits cells is escaped in them."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def code(text: str, language: str = "text", title: str = "") -> str:
    """Return a block of code, with a title above it."""
    titled = f'{language} title="{title}"' if title else language
    return f"```{titled}\n{text.rstrip()}\n```"


def shown(value: Any) -> str:
    """Return JSON as people read it."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def folded(summary: str, text: str) -> str:
    """Return what is shown once somebody opens it."""
    inside = "\n".join(f"    {line}".rstrip() for line in text.splitlines())
    return f'??? note "{summary}"\n\n{inside}'


def put_together(parts: Iterable[str]) -> str:
    """Return a page of these parts."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
