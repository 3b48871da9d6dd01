"""Tasks that score the tools: an agent that sees one form of the answers reaches each goal, with
no more calls and bytes than `scores.json` has.

HANDOFF_WRITE_GOLDEN=1 writes what it takes now.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from mcp_handoff.mcp.tools import TOOLS
from tests.agents import build_tasks, suggestion_tasks, ticket_tasks, work_tasks
from tests.agents.reader import FORMS, Form
from tests.agents.scripted import Task
from tests.agents.tasks import TASKS, play
from tests.agents.world import furnish

SCORES = Path(__file__).parent / "scores.json"
WRITES = "HANDOFF_WRITE_GOLDEN"
WRITING = WRITES in os.environ  # read before the tests leave the environment behind
SLACK = 1.03
"""How many times the bytes that were kept are no change: a word more or less."""


@pytest.fixture(scope="module")
async def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a store lies at which every task can begin."""
    return await furnish(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("task", TASKS, ids=[task.__name__ for task in TASKS])
async def test_whoever_sees_one_form_reaches_the_goal_at_no_higher_cost(
    task: Task, form: Form, furnished: Path, tmp_path: Path
) -> None:
    calls, size = score = await play(task, form, Path(shutil.copy(furnished, tmp_path)))
    name = f"{task.__name__}, {form}"
    if WRITING:
        _keep({**_kept(), name: score})
    kept_calls, kept_size = _kept().get(name, (0, 0))
    how = f"If that is meant, {WRITES}=1 python -m pytest -n0 {Path(__file__).name} writes it."
    assert calls <= kept_calls, f"{calls} calls where {kept_calls} did. {how}"
    assert size <= kept_size * SLACK, f"{size} bytes where {kept_size} did. {how}"
    is_better = calls < kept_calls or size * SLACK < kept_size
    assert not is_better, f"Only {calls} calls and {size} bytes: keep that. {how}"


def test_every_tool_is_used_and_every_score_is_of_a_task() -> None:
    names = {f"{task.__name__}, {form}" for task in TASKS for form in FORMS}
    assert _kept().keys() == names
    assert len(TASKS) >= 25
    played = "".join(
        Path(module.__file__ or "").read_text(encoding="utf-8")
        for module in (ticket_tasks, work_tasks, build_tasks, suggestion_tasks)
    )
    assert [tool.name for tool in TOOLS if f'"{tool.name}"' not in played] == []
    assert [task.__name__ for task in TASKS if not task.__doc__] == []


def _kept() -> Mapping[str, tuple[int, int]]:
    return json.loads(SCORES.read_text(encoding="utf-8")) if SCORES.exists() else {}


def _keep(scores: Mapping[str, tuple[int, int]]) -> None:
    """Write scores, one a line."""
    lines = [f" {json.dumps(name)}: {json.dumps(scores[name])}" for name in sorted(scores)]
    SCORES.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
