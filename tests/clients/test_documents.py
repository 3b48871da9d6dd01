"""Documents of each format, whatever is in them: an edit shows where it was made, nowhere else."""

import json
from typing import Any

import pytest
import tomlkit
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_handoff.clients import json_document, toml_document, yaml_document
from mcp_handoff.clients.documents import Syntax, Unreadable

ENTRY: dict[str, Any] = {"command": "mcp-handoff", "args": ["-m"], "env": {"A": "b"}}
PATH = ("servers", "handoff")

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]))
TEXTS = WORDS | st.sampled_from(
    ["// a", "/* b", "two\nlines\n", "# c", "yes", "~", "a: b", '"', " "]
)
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
CONTENTS = st.dictionaries(TEXTS | st.just("servers"), VALUES, min_size=1, max_size=4)
COMMENTS = st.sampled_from(["", "# first\n", "\n# first\n\n"])


def check(syntax: Syntax, before: str, content: dict[str, Any]) -> None:
    """Put an entry into a text with this content, change it and take it out again."""
    others = content.get("servers", {"other": 1})
    if not isinstance(others, dict) or not others or "handoff" in others:
        return
    after = syntax.put(before, PATH, ENTRY)
    servers: dict[str, Any] = content.get("servers", {})
    assert syntax.load(after) == {**content, "servers": {**servers, "handoff": ENTRY}}
    changed = syntax.put(after, (*PATH, "command"), "other")
    changed = syntax.remove(changed, (*PATH, "env"))
    left = {"command": "other", "args": ["-m"]}
    assert syntax.load(changed) == {**content, "servers": {**servers, "handoff": left}}
    assert syntax.remove(after, PATH) == before
    assert syntax.remove(changed, PATH) == before


@settings(deadline=None)
@given(CONTENTS, st.sampled_from([None, 1, 2, 4, "\t"]), st.booleans(), st.booleans())
def test_any_json_is_as_it_was_but_for_the_edit(
    content: dict[str, Any], indent: int | str | None, windows: bool, line: bool
) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=windows) + "\n" * line
    text = f"// first\n{text}/* last */"
    check(json_document, text.replace("\n", "\r\n") if windows else text, content)


@settings(deadline=None)
@given(CONTENTS, COMMENTS, COMMENTS, st.sampled_from([2, 4]), st.booleans())
def test_any_yaml_is_as_it_was_but_for_the_edit(
    content: dict[str, Any], first: str, last: str, indent: int, unicode: bool
) -> None:
    text = yaml.safe_dump(content, indent=indent, allow_unicode=unicode, sort_keys=False)
    check(yaml_document, f"{first}{text}{last}", content)


@settings(deadline=None)
@given(CONTENTS, COMMENTS, COMMENTS)
def test_any_toml_is_as_it_was_but_for_the_edit(
    content: dict[str, Any], first: str, last: str
) -> None:
    check(toml_document, f"{first}{tomlkit.dumps(content)}{last}", content)


@pytest.mark.parametrize(
    ("syntax", "text", "why", "place"),
    [
        (json_document, '{"a": 1} x', "there is more after its end", (1, 10)),
        (json_document, '{\n"a": tru}', "a value is missing", (2, 6)),
        (json_document, '{"a": 1', "a comma or } is missing", (1, 8)),
        (json_document, '{"a": [1 2]}', "a comma or ] is missing", (1, 10)),
        (json_document, '{"a": "\\x"}', "this is no JSON value", (1, 7)),
        (json_document, '{"a": /* b }', "a value is missing", (1, 7)),
        (json_document, "{a: 1}", "the name of a member is missing", (1, 2)),
        (json_document, "[1]", "{ is missing", (1, 1)),
        (json_document, '{"servers": []}', "{ is missing", (1, 13)),
        (json_document, '{"servers": null}', "{ is missing", (1, 13)),
        (json_document, "[" * 200, "it is nested too deeply", (1, 102)),
        (toml_document, "a = 1\nservers = 1\n", "this is not a table", (2, 1)),
        (yaml_document, "- a\n", "it is not a mapping", (1, 1)),
        (yaml_document, "a: 1\nservers: all\n", "this is not a mapping", (2, 10)),
        (yaml_document, "a: 1\n---\nb: 1\n", "but found another document", (2, 1)),
    ],
)
def test_what_is_wrong_with_a_text_is_said_with_its_place(
    syntax: Syntax, text: str, why: str, place: tuple[int, int]
) -> None:
    with pytest.raises(Unreadable) as caught:
        syntax.put(text, PATH, ENTRY)
    assert (caught.value.why, (caught.value.line, caught.value.column)) == (why, place)
