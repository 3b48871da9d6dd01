"""Which words may be meant by one that is mistaken."""

import pytest

from mcp_handoff.spelling import edits, is_spelt, nearest


@pytest.mark.parametrize(
    ("word", "other", "distance"),
    [
        ("cart", "cart", 0),
        ("cart", "carts", 1),
        ("cart", "crat", 1),
        ("cart", "care", 1),
        ("cart", "art", 1),
        ("checkout", "chekuot", 2),
        ("cart", "dog", 4),
        ("", "abc", 3),
    ],
)
def test_edits_are_letters_left_out_added_mistaken_and_swapped(
    word: str, other: str, distance: int
) -> None:
    assert edits(word, other) == edits(other, word) == distance


def test_two_letters_may_be_wrong_in_a_long_word_and_one_in_a_short_one() -> None:
    assert nearest("chekuot", ["checkout", "check"], 3) == []
    assert nearest("chekuout", ["checkout", "check"], 3) == ["checkout"]
    assert nearest("card", ["care", "cart", "card", "dog", "ward"], 3) == ["card", "care", "cart"]


def test_only_words_of_enough_letters_stand_for_others() -> None:
    assert [word for word in ("car", "cart", "v2500", "корзина", "x" * 25) if is_spelt(word)] == [
        "cart",
        "корзина",
    ]
