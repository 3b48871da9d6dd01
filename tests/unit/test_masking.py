import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_handoff.runs import run_secret
from mcp_handoff.text import masking
from mcp_handoff.text.masking import find_secrets, mask, masked_json
from mcp_handoff.text.secret_shapes import PREFIXED
from mcp_handoff.tokens import new_secret
from tests.unit.secret_samples import ORDINARY, SECRETS, drawn

DOCUMENT = Path(__file__).parents[2] / "docs" / "masking.md"

MISSED = {
    "Kubernetes secret",
    "passphrase of several words",
    "password in prose",
    "unnamed hexadecimal key",
}
"""What nothing around it tells from other text."""

FOUND = sorted(SECRETS.keys() - MISSED)


def is_hidden(kind: str, seed: int) -> bool:
    text, parts = drawn(seed)[kind]
    return not any(part in mask(f"It said: {text} and stopped.") for part in parts)


@pytest.mark.parametrize("kind", FOUND)
def test_a_secret_is_masked_in_text_and_in_json(kind: str) -> None:
    assert all(is_hidden(kind, seed) for seed in range(5))
    text, parts = drawn(0)[kind]
    assert parts[0] not in json.dumps(masked_json({"log": [{text: f"\n{text}\n"}]}))


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert mask(text) == text


def test_the_docs_tell_how_much_is_found() -> None:
    found = sum(is_hidden(kind, seed=1) for kind in SECRETS)
    wrongly = sum(mask(text) != text for text in ORDINARY)
    recall, precision = found / len(SECRETS), found / (found + wrongly)
    assert {kind for kind in SECRETS if not is_hidden(kind, seed=1)} == MISSED
    told = re.search(r"recall (\d+) %.*precision (\d+) %", DOCUMENT.read_text(), re.DOTALL)
    assert told is not None
    assert (int(told[1]), int(told[2])) == (round(recall * 100), round(precision * 100))


def test_what_this_program_gives_out_is_masked() -> None:
    some_id = "2489e9ad-2ee2-8e00-8ec9-32d5f69181c0"
    for secret in (new_secret(some_id), run_secret("key", some_id)):
        assert secret not in mask(f"use {secret}")


@pytest.mark.parametrize("character", ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u202e"])
def test_an_invisible_character_in_a_secret_hides_nothing(character: str) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "a1B2c3"
    assert mask(f"a{character}b {secret[:9]}{character}{secret[9:]} c{character}d") == (
        f"a{character}b [masked: GitHub token] c{character}d"
    )


@pytest.mark.parametrize("name", ["password", "DB_PASSWORD", "userPassword", "pwd", "passphrase"])
def test_a_word_under_the_name_of_a_password_is_one(name: str) -> None:
    assert masked_json({name: "correcthorse"}) == {name: "[masked: password]"}
    assert masked_json({name: ["correcthorse"]}) == {name: ["[masked: password]"]}
    said = {name: "is required", f"{name}_hint": "swordfish", "other": "swordfish"}
    assert masked_json(said) == said


@pytest.mark.parametrize(
    "name",
    ["secret", "api_key", "apiKey", "X-Api-Key", "private_key", "client_secret", "accessToken"],
)
def test_a_word_under_the_name_of_another_secret_is_one(name: str) -> None:
    assert masked_json({"env": {name: "correcthorse"}}) == {"env": {name: "[masked: secret]"}}
    said = {name: "is required", f"{name}_hint": "swordfish", "primary_key": "swordfish"}
    assert masked_json({**said, "token": "IDENTIFIER"}) == {**said, "token": "IDENTIFIER"}
    assert masked_json({"token": "horse4battery"}) == {"token": "[masked: secret]"}


@given(st.text() | st.sampled_from([text for text, _ in drawn(2).values()]))
def test_what_is_masked_stays_as_it_is(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(st.lists(st.sampled_from([*drawn(3).values()]), max_size=4), st.text(max_size=9))
def test_spans_are_in_order_and_apart(samples: list[tuple[str, list[str]]], between: str) -> None:
    end = 0
    for start, stop, _ in find_secrets(between.join(text for text, _ in samples)):
        assert end <= start < stop
        end = stop


HOSTILE = (
    *(
        "-eyJ",
        "eyJaaaaaaaa.",
        "key=",
        "api_key_",
        "password=",
        "secret    :",
        "://a:",
        "://",
        "MII",
    ),
    *("curl -u ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "PuTTY-User-Key-File-2:", "SG."),
    *("login a password ", "a\u200b", "1111111111111111%", "pataaaaaaaaaaaaaa.", "authorization: "),
)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_time_it_takes_grows_with_the_text_alone(text: str) -> None:
    def seconds(length: int) -> float:
        hostile = (text * length)[:length]
        taken: list[float] = []
        for _ in range(3):
            start = time.process_time()
            mask(hostile)
            taken.append(time.process_time() - start)
        return min(taken)

    assert seconds(65_536) < 10 * max(seconds(16_384), 0.005)


SIGNS = [sign for rests in PREFIXED.values() for sign in rests]
PIECES = st.sampled_from(
    [*SIGNS, *(text for text, _ in drawn(0).values()), " ", "a", "7", "_", "é"]
)


@given(pieces=st.lists(PIECES, max_size=8))
def test_a_text_is_looked_through_wherever_it_may_hold_a_secret(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = find_secrets(text)
    with pytest.MonkeyPatch.context() as every_text:
        every_text.setattr(masking, "_BEGINNING", re.compile(""))
        assert find_secrets(text) == found
