"""What a model reads: the bytes of each answer beside its budget, and what goals cost an agent."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from benchmarks.table import markdown, verdict
from tests.agents import tasks
from tests.agents.reader import FORMS, Form
from tests.agents.world import furnish
from tests.mcp.budgets import BUDGETS, Size, measure

_BYTES = ["what a model reads", "structured", "as text", "budget", "met"]
_GOALS = ["goals of scripted agents", "goals", "calls", "bytes, arguments and answers"]


def weigh() -> str:
    """Ask each tool and play each task, and return both tables."""
    with TemporaryDirectory() as folder:
        return anyio.run(_weigh, Path(folder))


async def _weigh(folder: Path) -> str:
    for name in ("sizes", "world", *FORMS):
        (folder / name).mkdir()
    sizes = await measure(folder / "sizes")
    world = await furnish(folder / "world")
    goals = [await _goals(form, world, folder / form) for form in FORMS]
    return f"{markdown(_BYTES, [*_rows(sizes)])}\n\n{markdown(_GOALS, goals)}"


def _rows(sizes: Mapping[str, Size]) -> Iterator[list[str]]:
    for name, most in BUDGETS.items():
        structured, text = sizes[name]
        told = f"{text:,}" if text else ""
        yield [
            f"{name}, bytes",
            f"{structured:,}",
            told,
            f"≤ {most:,}",
            verdict(structured <= most),
        ]


async def _goals(form: Form, world: Path, folder: Path) -> list[str]:
    scores = [
        await tasks.play(task, form, Path(shutil.copy(world, folder))) for task in tasks.TASKS
    ]
    calls, size = (sum(column) for column in zip(*scores, strict=True))
    return [f"who see the {form} form", str(len(scores)), str(calls), f"{size:,}"]
