"""A process that writes to a store until it is killed and says what was acknowledged."""

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from mcp_handoff.actors import Caller, bot
from mcp_handoff.backend import Backend
from mcp_handoff.store.store_backend import StoreBackend
from tests import requests
from tests.databases import open_database

TASKS = 8
CALLER = Caller(bot("writer"), project="shop")
ROLES = (["backend"], ["qa", "backend"], ["qa"], ["frontend", "design", "backend"])

Acknowledgement = dict[str, Any]
"""The `operation` that returned, with what it said that it stored."""

Acknowledge = Callable[[Acknowledgement], None]


async def write_one_after_another(backend: Backend, name: str, acknowledge: Acknowledge) -> None:
    """Take one ticket after another through its life, without end."""
    for number in count():
        await live(backend, f"{name}n{number}", acknowledge)


async def live(backend: Backend, word: str, acknowledge: Acknowledge) -> None:
    """Take a ticket from its filing to the decision on closing it."""
    dice = random.Random(word)
    ticket = await _file(backend, word, dice.choice(ROLES), acknowledge)
    if dice.random() < 0.7:
        await _build(backend, word, ticket, acknowledge)
    if dice.random() < 0.7:
        await _close(backend, word, ticket, dice, acknowledge)


async def _file(backend: Backend, word: str, roles: list[str], acknowledge: Acknowledge) -> str:
    request = requests.create_ticket(title=f"Fault {word}", roles=roles, idempotency_key=word)
    ticket = (await backend.create_ticket(CALLER, request)).ticket
    acknowledge(
        {
            "operation": "create_ticket",
            "ticket": ticket.id,
            "number": ticket.number,
            "roles": " ".join(role.role for role in ticket.roles),
            "word": word,
        }
    )
    return ticket.id


async def _build(backend: Backend, word: str, ticket: str, acknowledge: Acknowledge) -> None:
    trigger = requests.trigger_bot_build(ticket, idempotency_key=word)
    run = (await backend.trigger_bot_build(CALLER, trigger)).ticket.ai_output["build_run"]
    triggered = {"ticket": ticket, "run": run["id"], "build": run["build_id"]}
    acknowledge({"operation": "trigger_bot_build", "word": word, **triggered})
    update = requests.update_build(run["build_id"], description=word, metadata={"word": word})
    await backend.update_build(CALLER, update)
    acknowledge({"operation": "update_build", "build": run["build_id"], "word": word})


async def _close(
    backend: Backend, word: str, ticket: str, dice: random.Random, acknowledge: Acknowledge
) -> None:
    request = requests.suggest_close(ticket, merge_sha="0a1b2c3d", idempotency_key=word)
    suggestion = (await backend.suggest_close(CALLER, request)).suggestion.id
    suggested = {"ticket": ticket, "suggestion": suggestion, "word": word}
    acknowledge({"operation": "suggest_close", **suggested})
    action = dice.choice([requests.execute, requests.decline])(suggestion, reason=word)
    acted = await backend.act_on_suggestion(CALLER, action)
    stage = acted.apply_result.new_stage if acted.apply_result else "backlog"
    acknowledge({"operation": action.action, "stage": stage, **suggested})


async def main(store: str, run: str) -> None:
    backend = StoreBackend(open_database(store))
    async with asyncio.TaskGroup() as tasks:
        for task in range(TASKS):
            tasks.create_task(write_one_after_another(backend, f"r{run}t{task}", _say))


def _say(acknowledgement: Acknowledgement) -> None:
    os.write(sys.stdout.fileno(), f"{json.dumps(acknowledgement)}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
