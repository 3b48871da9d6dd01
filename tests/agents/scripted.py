"""An agent with a script: it errs as models do, and mends what it did from answers alone."""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol, cast

from mcp import Client
from mcp.shared.exceptions import MCPError

from tests.agents.reader import Form, Seen, seen
from tests.mcp.agent import Agent

TRIES = 4
"""How often it mends a call; then it gives up."""

_DID_YOU_MEAN = re.compile(r"(\w+)'? (?:is unknown )?\(did you mean (\w+)\?\)")
_UNKNOWN = re.compile(r"(\w+) is unknown(?! \()")
_CHOICES = re.compile(
    r"(\w+)(?:\.\d+)? (?:must be one of|must name at least one of|is required:) ([\w, ]+)"
)
_LONGEST = re.compile(r"(\w+) must have at most (\d+) characters")
_MISSING = re.compile(r"(\w+) (?:is required|must say)")


class Player(Protocol):
    """Whoever plays a part at the desk, by whatever door, without a slip."""

    calls: int

    async def call(self, tool: str, **arguments: Any) -> Seen:
        """Return what it sees of a call's answer."""
        ...


class ScriptedAgent:
    """Calls tools, sees one form of each answer, and counts what that costs."""

    def __init__(self, client: Client, form: Form) -> None:
        self.calls = 0
        self.bytes = 0
        self._client = client
        self._form: Form = form

    async def call(self, tool: str, **arguments: Any) -> Seen:
        """Return what it sees of an answer, or of an error."""
        self.calls += 1
        try:
            answer = seen(await self._client.call_tool(tool, arguments), self._form)
        except MCPError as error:
            answer = Seen(True, error.message, {})
        given = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
        self.bytes += len(given.encode()) + len(answer.shown.encode())
        return answer

    async def get_done(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        means: Mapping[str, str] | None = None,
        knows: Mapping[str, Any] | None = None,
    ) -> Seen:
        """Call a tool until it succeeds, mending what each error says.

        `means` are words of the agent's own and what it would call them among the choices that an
        error names; `knows` are values that it can give once it hears that they are needed.
        """
        sent = dict(arguments)
        answer = await self.call(tool, **sent)
        for _ in range(TRIES):
            if not answer.failed:
                return answer
            before = (tool, dict(sent))
            if not sent.keys() & set(re.findall(r"\w+", answer.shown)) or "no tool" in answer.shown:
                tool = _other_tool(tool, answer.shown)
            _mend(sent, answer.shown, means or {}, knows or {})
            assert (tool, sent) != before, f"nothing to mend {tool} by: {answer.shown}"
            answer = await self.call(tool, **sent)
        raise AssertionError(f"{tool} was mended {TRIES} times in vain: {answer.shown}")


class Task(Protocol):
    """A goal in words, its docstring, and how an agent reaches it; it ends with a look at the
    store through another agent's eyes."""

    __name__: str

    async def __call__(self, agent: ScriptedAgent, desk: Agent, /) -> None: ...


class Part(Protocol):
    """A task that is played without a slip, and so by whoever can make its calls."""

    __name__: str

    async def __call__(self, agent: Player, desk: Agent, /) -> None: ...


def _other_tool(tool: str, error: str) -> str:
    found = _DID_YOU_MEAN.search(error)
    return found[2] if found and found[1] == tool else tool


def _mend(
    sent: dict[str, Any], error: str, means: Mapping[str, str], knows: Mapping[str, Any]
) -> None:
    """Change arguments as an error says that they have to be."""
    for name, meant in _DID_YOU_MEAN.findall(error):
        if name in sent:
            sent[meant] = sent.pop(name)
    for name in _UNKNOWN.findall(error):
        sent.pop(name, None)
    for name, choices in _CHOICES.findall(error):
        allowed = re.split(r", | or ", choices)
        if sent.get(name):
            sent[name] = _chosen(sent[name], allowed, means)
        elif name in knows:
            assert set(knows[name]) <= set(allowed), (knows[name], allowed)
            sent[name] = knows[name]
    for name, most in _LONGEST.findall(error):
        if name in sent:
            sent[name] = sent[name][: int(most)]
    for name in _MISSING.findall(error):
        if name in knows:
            sent[name] = knows[name]


def _chosen(value: Any, allowed: list[str], means: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        items = cast(list[Any], value)
        return [one if one in allowed else _chosen(one, allowed, means) for one in items]
    meant = means.get(value, value)
    assert meant in allowed, f"{meant} is none of {allowed}"
    return meant
