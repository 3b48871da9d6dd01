"""A holder that slept through being taken over."""

import os
import signal
from pathlib import Path
from typing import Any

from mcp_handoff.store.store_backend import StoreBackend
from tests.databases import in_store
from tests.mcp.wire import Wire, call, environment
from tests.requests import TICKET


def result_of(answer: dict[str, Any]) -> dict[str, Any]:
    return answer["result"]["structuredContent"]


async def let_takes_end(backend: StoreBackend) -> None:
    await backend.database.write(lambda tx: tx.execute("UPDATE takes SET until = taken_at"))


def test_whoever_was_stopped_while_another_took_over_is_refused_when_it_goes_on(
    store: Path,
) -> None:
    done = {"ticket": "1", "role": "backend", "role_status": "done", "note": "Cap is gone."}
    with (
        Wire(environment(store, HANDOFF_ACTOR_ID="sleeper")) as sleeper,
        Wire(environment(store, HANDOFF_ACTOR_ID="successor")) as successor,
    ):
        sleeper.ask(call(1, "create_ticket", **TICKET))
        fence = result_of(sleeper.ask(call(2, "take_ticket", role="backend")))["fence"]
        sleeper.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, sleeper.process.pid, os.WSTOPPED)
        sleeper.send(
            call(3, "update_ticket", fence=fence, **done), call(4, "update_ticket", **done)
        )
        in_store(store, let_takes_end)
        over = successor.ask(call(1, "take_ticket", role="backend", take_over=True))
        assert result_of(over)["fence"] == fence + 1
        sleeper.process.send_signal(signal.SIGCONT)
        for _ in range(2):
            refused = sleeper.receive()["result"]
            assert refused["isError"]
            assert "TAKEN_OVER" in refused["content"][0]["text"]
            assert "successor" in refused["content"][0]["text"]
        finished = result_of(successor.ask(call(2, "update_ticket", fence=fence + 1, **done)))
    assert "backend" in finished["changed"]
