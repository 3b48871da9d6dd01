"""A program with a script: it plays an agent's part over REST."""

import json
from collections.abc import Mapping
from typing import Any

from tests.agents.reader import Seen
from tests.rest.program import Program


class ScriptedProgram:
    """Makes the requests of the tools, reads the same facts in their answers, and counts them."""

    def __init__(self, program: Program) -> None:
        self.calls = 0
        self._program = program

    async def call(self, tool: str, **arguments: Any) -> Seen:
        """Return what it sees of a call's answer.

        No request registers a build for a ticket: it is triggered, and then reported on.
        """
        if tool == "report_build" and "ticket" in arguments:
            about = {"ticket": arguments.pop("ticket"), "provider": arguments.pop("provider")}
            arguments["build_id"] = await self._program.trigger(**about)
            self.calls += 1
        answer = await self._program.call(tool, **arguments)
        self.calls += 1
        return Seen(False, json.dumps(answer), _facts(tool, answer))


def _facts(tool: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an agent would call facts of an answer."""
    match tool:
        case "create_ticket":
            return {"ticket": answer["ticket"]["reference"]}
        case "find_tickets":
            return {"tickets": [{"ticket": one["reference"]} for one in answer["tickets"]]}
        case "take_ticket":
            return {"ticket": answer["detail"]["ticket"]["reference"], "fence": answer["fence"]}
        case "update_ticket":
            return {"can_begin": answer["handed_on_to"], "unblocked": answer["unblocked"]}
        case "add_message":
            return {"message_id": answer["message"]["id"]}
        case "report_build":
            return {"build_id": answer["id"]}
        case "suggest_close":
            return {"suggestion_id": answer["suggestion"]["id"]}
        case _:
            return {}
