"""All tasks, and how one is played."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.agents import build_tasks, suggestion_tasks, ticket_tasks, work_tasks
from tests.agents.reader import Form
from tests.agents.scripted import ScriptedAgent, Task
from tests.mcp.agent import Agent
from tests.mcp.conftest import ERAS
from tests.mcp.in_memory import DISPATCHED, open_store, served

TASKS: Sequence[Task] = (
    *ticket_tasks.TASKS,
    *work_tasks.TASKS,
    *build_tasks.TASKS,
    *suggestion_tasks.TASKS,
)


class Score(NamedTuple):
    """What it took until the goal."""

    calls: int
    bytes: int


async def play(task: Task, form: Form, path: Path) -> Score:
    """Have an agent that sees this form do a task at the store that lies there; an AssertionError
    where it does not reach the goal. Every other task is played in the handshake era."""
    store = await open_store(path)
    era = ERAS[TASKS.index(task) % len(ERAS)]
    async with served(store, path.parent, era, **DISPATCHED) as client:
        agent = ScriptedAgent(client, form)
        await task(agent, Agent(client))
    await store.close()
    return Score(agent.calls, agent.bytes)
