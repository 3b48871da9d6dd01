"""YAML, read with the places of its parts, so that an edit changes the lines of one entry and no
other: comments, quotes and indentation stay as they are."""

import json

import yaml
from pydantic import JsonValue

from mcp_handoff.clients.documents import Path, Unreadable, nested


def load(text: str) -> dict[str, JsonValue]:
    """As `Syntax.load`."""
    _root(text)
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:  # a tag, or a key that is no plain value
        raise _unreadable(error) from None


def put(text: str, path: Path, value: JsonValue) -> str:
    """As `Syntax.put`."""
    node = _root(text)
    if node is None:
        return _ended(text) + _block(nested(path, value))
    for depth, key in enumerate(path):
        pair = _pair(node, key)
        if pair is None:
            return _inserted(text, node, nested(path[depth:], value))
        name, child = pair
        rest = path[depth + 1 :]
        if not rest and isinstance(value, str | int) and _is_plain(child):
            start, end = child.start_mark.index, child.end_mark.index
            return text[:start] + _block(value).partition("\n")[0] + text[end:]
        if not rest or _is_empty(child):
            return put(_without(text, node, name, child), path[: depth + 1], nested(rest, value))
        if not isinstance(child, yaml.MappingNode):
            raise Unreadable("this is not a mapping", *_place(child))
        node = child
    return text


def remove(text: str, path: Path) -> str:
    """As `Syntax.remove`."""
    node, cut = _root(text), None
    for key in path:
        pair = _pair(node, key) if node else None
        if node is None or pair is None:
            return text
        if cut is None or len(node.value) > 1:
            cut = node, *pair
        node = pair[1] if isinstance(pair[1], yaml.MappingNode) else None
    return text if cut is None else _without(text, *cut)


def _root(text: str) -> yaml.MappingNode | None:
    """Return the mapping that a text is, None when it is empty."""
    try:
        root = yaml.SafeLoader(text).get_single_node()
    except yaml.YAMLError as error:
        raise _unreadable(error) from None
    if root is None or _is_null(root):
        return None
    if not isinstance(root, yaml.MappingNode):
        raise Unreadable("it is not a mapping", *_place(root))
    return root


def _unreadable(error: yaml.YAMLError) -> Unreadable:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        return Unreadable(str(error.problem), mark.line + 1, mark.column + 1)
    return Unreadable("this is not valid YAML", 1, 1)


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _pair(node: yaml.MappingNode, key: str | int) -> tuple[yaml.ScalarNode, yaml.Node] | None:
    found = [
        (name, child)
        for name, child in node.value
        if isinstance(name, yaml.ScalarNode) and name.value == key
    ]
    return found[-1] if found else None


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">") and bool(node.value)


def _is_empty(node: yaml.Node) -> bool:
    return _is_null(node) or (isinstance(node, yaml.MappingNode) and not node.value)


def _block(content: JsonValue, indentation: str = "") -> str:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1_000_000)
    return "".join(indentation + line for line in text.splitlines(keepends=True))


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _end_of(node: yaml.Node) -> int:
    """Return where a value ends: a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _end_of(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _end_of(node.value[-1])
    return node.end_mark.index


def _line_end(text: str, at: int) -> int:
    """Return where the line ends in which a value does; a block of text ends with its line."""
    at = len(text[:at].rstrip())
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _inserted(text: str, node: yaml.MappingNode, content: JsonValue) -> str:
    """Return the text with another entry at the end of a mapping."""
    if node.flow_style:
        end = _end_of(node.value[-1][1]) if node.value else node.start_mark.index + 1
        comma = ", " if node.value else ""
        return text[:end] + comma + json.dumps(content, ensure_ascii=False)[1:-1] + text[end:]
    end = _line_end(text, _end_of(node))
    before = text[:end]
    newline = "\r\n" if "\r\n" in text else "\n"
    block = _block(content, " " * node.start_mark.column).replace("\n", newline)
    if before.endswith("\n"):
        return before + block + text[end:]
    return before + newline + block.removesuffix(newline) + text[end:]


def _without(text: str, node: yaml.MappingNode, name: yaml.ScalarNode, child: yaml.Node) -> str:
    """Return the text without one of a mapping's entries."""
    start, end = name.start_mark.index, max(_end_of(child), name.end_mark.index)
    if node.flow_style:
        place = [one for one, _ in node.value].index(name)
        if place:
            start = _end_of(node.value[place - 1][1])
        elif len(node.value) > 1:
            end = node.value[1][0].start_mark.index
        return text[:start] + text[end:]
    start = text.rfind("\n", 0, start) + 1
    end = _line_end(text, end)
    if end == len(text) and not text.endswith("\n"):
        return text[:start].removesuffix("\n").removesuffix("\r")
    return text[:start] + text[end:]
