"""How a text is found wherever it stands, and what is left alone."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from mcp_handoff.errors import ValidationFailed
from mcp_handoff.redactions import LONGEST, MARK, Redaction, RedactTicket
from mcp_handoff.validation import Arguments

AWKWARD = 'pass "word"\\with\tä/ö 😀'


def without(text: str, **fields: Any) -> dict[str, Any]:
    return Redaction(text).of_fields(fields)


@pytest.mark.parametrize(
    "written",
    [
        AWKWARD,
        json.dumps(AWKWARD)[1:-1],
        json.dumps(AWKWARD, ensure_ascii=False)[1:-1],
        json.dumps(AWKWARD)[1:-1].replace("/", "\\/"),
        json.dumps(json.dumps(AWKWARD))[1:-1].strip('\\"'),
        json.dumps(AWKWARD)[1:-1].replace("\\u00e4", "\\u00E4"),
        quote(AWKWARD),
        quote(AWKWARD, safe="").lower(),
        AWKWARD.replace(" ", "\n  "),
        AWKWARD.replace("w", "w\u200b"),
    ],
)
def test_a_text_is_found_however_it_is_written(written: str) -> None:
    assert without(AWKWARD, body=f"so {written}.") == {"body": f"so {MARK}."}


def test_lines_are_found_with_either_end() -> None:
    for end in ("\n", "\r\n", "\\n", "\\r\\n"):
        assert without("one\ntwo", body=f"one{end}two") == {"body": MARK}
        assert without("one\r\ntwo", body=f"one{end}two") == {"body": MARK}


def test_each_place_counts_in_keys_and_numbers_too() -> None:
    redaction = Redaction("1234")
    fields = {"evidence": {"1234": [1234, 56789, True], "pin": "0 1234 1234"}, "title": "12345"}
    assert redaction.of_fields(fields) == {
        "evidence": {MARK: [MARK, 56789, True], "pin": f"0 {MARK} {MARK}"},
        "title": f"{MARK}5",
    }
    assert redaction.places == 5


def test_what_is_ours_or_a_name_stays_and_of_names_it_is_told() -> None:
    redaction = Redaction("shop")
    fields = {
        "reference": "HO-1-shop",
        "repo": "acme/shop",
        "ticket": {"id": "shop", "status": "shop", "title": "shop", "provider": "shop"},
        "ai_output": {"build_run": {"id": "shop", "last_error": "shop"}, "notes": {"id": "shop"}},
    }
    assert redaction.of_fields(fields) == {
        "reference": "HO-1-shop",
        "repo": "acme/shop",
        "ticket": {"id": "shop", "status": "shop", "title": MARK, "provider": "shop"},
        "ai_output": {"build_run": {"id": "shop", "last_error": MARK}, "notes": {"id": MARK}},
    }
    assert (redaction.places, redaction.stays_in) == (3, {"repo", "provider"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("abc", "at least 4 characters"),
        ("  abc  ", "at least 4 characters"),
        ("a\u200bb\u200bc", "at least 4 characters that are seen"),
        ("redacted", "stands in the mark [redacted] itself"),
        ("x" * (LONGEST + 1), f"at most {LONGEST}"),
        ("abc\x00d", "NUL"),
    ],
)
def test_a_text_that_is_too_short_too_long_or_of_the_mark_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        Arguments(RedactTicket, {"ticket": "1", "text": text}).parse("user")
    assert why in refused.value.message
    assert len(refused.value.message) < 200


def test_a_request_shows_nothing_of_its_text() -> None:
    assert "hunter2" not in repr(RedactTicket(ticket="1", text="hunter2!"))
