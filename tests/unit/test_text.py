import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_handoff.masking import mask, masked_json
from mcp_handoff.runs import run_secret
from mcp_handoff.text import check_json, made_visible, shortened, visible

SECRETS = {
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "GitHub token": "github_pat_" + "11ABCDEFG0" * 3,
    "GitLab token": "glpat-" + "a1B2c3D4e5" * 2,
    "Slack token": "xoxb-1234567890-abcdef",
    "AWS access key": "AKIA" + "ABCDEFGH12345678",
    "Google API key": "AIza" + "a1B2c3D4e5" * 3 + "a1B2c",
    "Stripe key": "sk_live_" + "a1B2c3D4e5" * 2,
    "npm token": "npm_" + "a1B2c3D4e5" * 3 + "a1B2c3",
    "PyPI token": "pypi-" + "a1B2c3D4e5" * 5,
    "API key": "sk-ant-" + "a1B2c3D4e5" * 3,
    "report token": run_secret("key", "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"),
    "webhook secret": "whsec_" + "a1B2c3D4e5" * 2,
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "bearer token": "Bearer " + "a1B2c3D4e5" * 3,
    "password in a URL": "ada:hunter2",
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_masked_wherever_it_stands(name: str) -> None:
    secret = SECRETS[name]
    text = f"https://{secret}@host/" if name == "password in a URL" else f"It says {secret} there."
    masked = mask(text)
    assert secret not in masked
    assert f"[masked: {name}]" in masked
    assert masked_json({"a": [{text: text}]}) == {"a": [{masked: masked}]}


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn and risk-averse people",
        "commit 9f2c1e7ab4d09f2c1e7ab4d09f2c1e7ab4d09f2c",
        "https://example.com/a:b@c",
        "the bearer of this letter",
        "AKIA is a prefix",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert mask(text) == text


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
