"""Which words may be meant by one that is mistaken."""

import pytest

from mcp_handoff.text.spelling import is_spelt, nearest


@pytest.mark.parametrize("near", ["carts", "crat", "care", "art", "cart"])
def test_one_letter_may_be_left_out_added_mistaken_or_swapped(near: str) -> None:
    assert nearest("cart", [near, "dog", ""], 3) == [near]


def test_two_letters_may_be_wrong_in_a_long_word_and_one_in_a_short_one() -> None:
    assert nearest("chekuot", ["checkout", "check"], 3) == []
    assert nearest("chekuout", ["checkout", "check"], 3) == ["checkout"]
    assert nearest("card", ["care", "cart", "card", "dog", "ward"], 3) == ["card", "care", "cart"]


def test_only_words_of_enough_letters_stand_for_others() -> None:
    assert [word for word in ("car", "cart", "v2500", "корзина", "x" * 25) if is_spelt(word)] == [
        "cart",
        "корзина",
    ]
