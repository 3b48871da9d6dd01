import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_handoff.text.characters import made_visible, shortened, visible
from mcp_handoff.text.free_json import check_json


@given(st.text())
def test_what_is_shown_holds_no_hidden_character(text: str) -> None:
    shown = visible(text)
    assert all(unicodedata.category(c) not in ("Cf", "Cs") for c in shown)
    assert visible(shown) == shown


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert made_visible({"a": [text, 1, None]}) == {"a": [text, 1, None]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": "\x00"}, "NUL"),
        ({"a\x00": 1}, "NUL"),
        ({"a": ["\ud800"]}, "lone surrogate"),
        ({"a": float("nan")}, "finite"),
        ({"a": float("-inf")}, "finite"),
        ({"a": 2**63}, "64 bits"),
    ],
)
def test_what_json_can_not_carry_everywhere_is_refused(value: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_json(value)


def test_a_short_line_stays_and_a_long_one_ends_in_an_ellipsis() -> None:
    assert shortened(" a\n b ", 10) == "a b"
    assert shortened("abcdefghij klm", 10) == "abcdefghi…"
