"""The entry of this server in a client's file: written, recognised and taken out again."""

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from mcp_handoff.clients import json_document, toml_document, yaml_document
from mcp_handoff.clients.clients import NAME, Client, Entry, Format
from mcp_handoff.clients.documents import Path, Syntax

SYNTAXES: Mapping[Format, Syntax] = {
    "json": json_document,
    "toml": toml_document,
    "yaml": yaml_document,
}

_OURS = ("mcp-handoff", "mcp_handoff", "HANDOFF_", "handoff-token", "mho_")
"""What an entry for this server has in it, whoever wrote it."""

_HOW = frozenset(
    (
        *("type", "command", "args", "cmd"),
        *("url", "uri", "httpUrl", "serverUrl", "headers"),
        *("bearer_token_env_var", "oauth", "env_keys"),
    )
)
"""What says in any client how a server is reached; whatever else an entry has stays with it."""


class Foreign(Exception):
    """The name is that of another server."""


def written(text: str, client: Client, entry: Entry) -> str:
    """Return a client's file with this entry, which is unchanged if it has it already. Raises
    Unreadable for what is no such file, Foreign when another server has the name."""
    syntax, path = SYNTAXES[client.format], (client.servers, NAME)
    there = _at(syntax.load(text), path)
    if there is None:
        text = syntax.put(text, path, entry)
    elif not isinstance(there, dict) or not _is_ours(there, entry):
        raise Foreign
    else:
        text = _merged(syntax, text, path, there, entry)
        for old in _outdated(client, there, entry):
            text = syntax.remove(text, (*path, *old))
        if not client.inputs(entry):
            text = _without_prompts(syntax, text, client, there)
    for prompt in client.inputs(entry):
        inputs = _inputs(syntax.load(text))
        if _asks(prompt, inputs) is None:
            text = syntax.put(text, ("inputs", len(inputs)), prompt)
    return text


def removed(text: str, client: Client) -> str:
    """Return a client's file without the entry, and without what held nothing else. Raises as
    `written` does."""
    syntax, path = SYNTAXES[client.format], (client.servers, NAME)
    there = _at(syntax.load(text), path)
    if there is None:
        return text
    if not isinstance(there, dict) or not _is_ours(there, {}):
        raise Foreign
    return _without_prompts(syntax, syntax.remove(text, path), client, there)


def _at(content: JsonValue, path: Path) -> JsonValue:
    for key in path:
        content = content.get(str(key)) if isinstance(content, dict) else None
    return content


def _merged(syntax: Syntax, text: str, path: Path, there: JsonValue, wanted: JsonValue) -> str:
    """Return the text with what is wanted in this place, and what else there is there."""
    if isinstance(there, dict) and isinstance(wanted, dict):
        for key, value in wanted.items():
            text = _merged(syntax, text, (*path, key), there.get(key), value)
        return text
    return text if there == wanted else syntax.put(text, path, wanted)


def _outdated(client: Client, there: Entry, wanted: Entry) -> Iterator[Path]:
    """Yield what an entry has of another way to reach the server."""
    yield from ((key,) for key in there if key in _HOW and key not in wanted)
    backend = (client.variables, "HANDOFF_BACKEND")
    if str(_at(there, backend)).startswith("http") and _at(wanted, backend) is None:
        yield backend


def _is_ours(there: Entry, wanted: Entry) -> bool:
    texts = list(_texts(there))
    addresses = {text for text in _texts(wanted) if "://" in text}
    return any(mark in text for text in texts for mark in _OURS) or bool(addresses & set(texts))


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _texts(member)
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element)


def _without_prompts(syntax: Syntax, text: str, client: Client, entry: Entry) -> str:
    for prompt in client.inputs(entry):
        place = _asks(prompt, _inputs(syntax.load(text)))
        if place is not None:
            text = syntax.remove(text, ("inputs", place))
    return text


def _inputs(content: Entry) -> list[JsonValue]:
    inputs = content.get("inputs")
    return inputs if isinstance(inputs, list) else []


def _asks(prompt: Entry, inputs: list[JsonValue]) -> int | None:
    """Return which of the inputs asks for the same as a prompt."""
    ids = [one.get("id") if isinstance(one, dict) else None for one in inputs]
    return ids.index(prompt["id"]) if prompt["id"] in ids else None
