"""One story at the desk in which every tool has something to tell, and its answers with stable
words for what differs each time."""

import json
import re
from typing import Any

from mcp_types import CallToolResult

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.projects import CreateProject
from mcp_handoff.runs import ReportRun
from tests.mcp.agent import Agent, text

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CURSOR = re.compile(r'(?<=next_cursor: )\S+|(?<="next_cursor": ")[^"]+')
_MARK = re.compile(r"(?<=between the marks )[0-9a-f]{8}")


WAITING = {
    "title": "Show the cap beside the cart",
    "description": "As soon as there is one.",
    "request_type": "feature_request",
    "roles": ["design"],
    "blocked_by": [3],
}


class Story:
    """Lives the story and keeps the answers of each tool, by what was asked."""

    def __init__(self, desk: Agent) -> None:
        self.told: dict[str, list[str]] = {}
        self._desk = desk
        self._ids: dict[str, str] = {}

    async def ask(self, why: str, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool and keep its answer in both forms; return the structured one."""
        result = await self._desk.client.call_tool(tool, arguments)
        structured: dict[str, Any] = result.structured_content or {}
        shown = json.dumps(structured, ensure_ascii=False, indent=1)
        given = json.dumps(arguments, ensure_ascii=False)
        parts = [f"## {why}", given, "-- text", _with_stable_mark(result), "-- structured", shown]
        self.told.setdefault(tool, []).append(
            _CURSOR.sub("<cursor>", _UUID.sub(self._named, "\n".join(parts)))
        )
        return structured

    def _named(self, found: re.Match[str]) -> str:
        return self._ids.setdefault(found[0], f"<id {len(self._ids) + 1}>")


def _with_stable_mark(result: CallToolResult) -> str:
    told = text(result)
    found = _MARK.search(told)
    return told.replace(found[0], "<mark>") if found else told


async def live(desk: Agent, store: Store, caller: Caller) -> dict[str, list[str]]:
    """Live the story from an empty store on and return what each tool told."""
    story = Story(desk)
    ask = story.ask
    await ask("no project yet", "get_overview")
    checkout = {
        "title": "Checkout answers 500 from the 100th item on",
        "description": "POST /checkout answers 500.\nSeen since the release of this morning.",
        "request_type": "bug",
        "roles": ["backend", "qa"],
        "priority": "high",
        "blocking": True,
        "evidence": {"trace": "req-31", "authorization": "Bearer ghp_" + "a1B2" * 9},
    }
    await ask("a bug, with a token in its evidence", "create_ticket", **checkout)
    await ask("the same again", "create_ticket", **checkout)
    keyed = {
        "title": "Which address form do we keep?",
        "description": "There are two of them; one has to go.",
        "request_type": "decision_needed",
        "roles": ["design"],
        "idempotency_key": "forms-1",
    }
    await ask("under a key", "create_ticket", **keyed)
    await ask("the key again", "create_ticket", **keyed)
    await store.create_project(caller, CreateProject(name="Mobile app", slug="mobile"))
    there = {"project": "mobile", "idempotency_key": "forms-2"}
    await ask("in another project", "create_ticket", **{**keyed, **there})
    await ask("for nobody, of no kind", "create_ticket", **{**checkout, "roles": [], "type": "x"})
    await ask("what is open", "find_tickets")
    await ask("a page of one", "find_tickets", limit=1)
    await ask("what nobody wrote", "find_tickets", query="unicorns")
    await ask("as soon as it is filed", "get_ticket", ticket=2)
    await ask("one that is not there", "get_ticket", ticket=77)
    started = await ask("a first build", "trigger_bot_build", ticket=1, repo="acme/shop")
    await ask("another repo meanwhile", "trigger_bot_build", ticket=1, repo="acme/till")
    await ask("queued", "find_builds", ticket=1)
    build = started["build_id"]
    run = (await desk.whole(1))["builds"][0]["run"]["id"]
    error = "Two tests failed:\ntest_cart, test_till"
    await store.report_run(caller, ReportRun(run_id=run, status="failed", error_message=error))
    await ask("failed", "find_builds", ticket="HO-1-shop")
    await ask("of no ticket", "find_builds", status="ready")
    about = {"display_name": "Nightly", "description": "Lifts the limit."}
    await ask("a name and a description", "update_build", build_id=build, **about)
    await ask("cleared", "update_build", build_id=build, clear=["description"], is_active=False)
    await ask("no such build", "update_build", build_id=checkout["title"])
    change = {"merge_sha": "9f2c1e7ab4d0", "pr_number": 7, "repo": "acme/shop"}
    proof = {"ticket": 1, "evidence": {"pr": "acme/shop#7"}, "confidence": 0.9, **change}
    first = await ask("of a merge", "suggest_close", **proof)
    await ask("of the same merge", "suggest_close", **proof)
    other_change = {"merge_sha": "77aa01cd", "pr_number": 8}
    other = await ask("of another one", "suggest_close", **{**proof, **other_change})
    await ask("with nothing to check", "suggest_close", ticket=1, evidence={})
    await ask("what waits", "list_suggestions")
    await ask("what was executed", "list_suggestions", status="executed")
    await ask("with a suggestion, a build and events", "get_ticket", ticket="HO-1-shop")
    act = "act_on_suggestion"
    one = {"suggestion_id": other["suggestion_id"]}
    await ask("declined without a reason", act, **one, action="decline")
    await ask("declined", act, **one, action="decline", reason="That one was reverted.")
    two = {"suggestion_id": first["suggestion_id"], "action": "execute"}
    await ask("executed", act, **two)
    await ask("too late", act, **two)
    await ask("settled ones", "list_suggestions", status="any")
    await ask("in validation", "get_ticket", ticket=1)
    done = await ask("that nothing was merged for", "suggest_close", ticket=2, evidence={"n": 1})
    await ask("the last role", act, suggestion_id=done["suggestion_id"], action="execute")
    await ask("closed", "get_ticket", ticket=2)
    await ask("on a closed ticket", "trigger_bot_build", ticket=2)
    await ask("on a closed ticket", "suggest_close", ticket=2, evidence={"n": 1})
    there = {"ticket": 1, "build_ref": "actions-88", "provider": "github"}
    address = {"url": "https://ci.example/88"}
    began = await ask("made elsewhere", "report_build", **there, status="running", **address)
    made = {"build_id": began["build_id"]}
    why = {"error_message": "One test failed:\ntest_till"}
    await ask("failed", "report_build", **made, status="failed", **why)
    await ask("too late", "report_build", **there, status="succeeded")
    await ask("of which build?", "report_build", status="ready", build_ref="actions-88")
    await ask("by its id", "find_builds", **made)
    cap = {**keyed, "title": "Cap the cart at 500 items", "request_type": "feature_request"}
    cap |= {"roles": ["backend", "qa"], "idempotency_key": "cap-1"}
    await ask("one to be worked on", "create_ticket", **cap)
    await ask("that waits for it", "create_ticket", **WAITING)
    await ask("the next for backend", "take_ticket", role="backend", note="I begin with the cap.")
    await ask("the same again", "take_ticket", role="backend", ticket=3)
    await ask("one that is blocked", "take_ticket", role="design", ticket=4)
    await ask("nothing is ready", "take_ticket", role="qa")
    asked = await ask("a question", "add_message", ticket=3, body="500 or 1,000?", to_role="qa")
    answered = {"ticket": 3, "body": "500.", "answers": asked["message_id"]}
    await ask("its answer", "add_message", **answered)
    await ask("a report", "add_message", ticket=3, body="Half of it is done.")
    await ask("parked", "update_ticket", ticket=3, park="The staging machine is down.")
    done = {"ticket": 3, "role": "backend", "role_status": "done", "fence": 1}
    await ask("done", "update_ticket", **done, note="Capped in cart/limits.py; 12 tests pass.")
    await ask("with the notes left", "take_ticket", role="qa")
    back = {"ticket": 3, "role": "backend", "role_status": "pending"}
    await ask("sent back without a reason", "update_ticket", **back)
    await ask("sent back", "update_ticket", **back, note="501 items are taken.")
    await ask("that is not finished", "update_ticket", ticket=3, close_as="completed", note="Ok.")
    await ask("worked on", "get_ticket", ticket=3)
    await ask("what nobody holds", "find_tickets", taken_by="nobody", role="backend", ready=True)
    await ask("given up", "update_ticket", ticket=3, close_as="wont_fix", note="No cap at all.")
    await ask("to nothing", "update_ticket", ticket=3)
    await ask("for qa", "get_overview", role="qa")
    await ask("of another project", "get_overview", project="mobile")
    return story.told
