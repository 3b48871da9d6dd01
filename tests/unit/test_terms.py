"""From texts and queries to the terms by which they meet."""

import pytest

from mcp_handoff.text.terms import MOST_TERMS, TERM_LENGTH, terms_of, terms_of_ticket, words_of

TICKET = {
    "title": "Checkout fails",
    "description": "It answers 500.",
    "suggested_resolution": None,
    "implementation_notes": None,
}


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Carts FAILING", "cart fail"),
        ("it's, the user’s and don't", "it the user and don"),
        ("getUserById", "getuserbyid get user by id"),
        ("HTTPServer2Go", "httpserver2go http server2 go"),
        ("HTTP_504 http504", "http504 http 504 http 504 http504"),
        ("cart/limits.py:41", "cart limit py 41 cartlimit limitspi py41 cartlimitspy41"),
        ("foo-bar", "foo bar foobar"),
        ("Straße STRASSE", "strass strass"),
        ("Köln", "koln koeln"),
        ("Ko\u0308ln", "koln koeln"),
        ("Émile ﬁle Ｃａｒｔ", "emil file cart"),
        ("smörgåsbord", "smorgasbord smoergaasbord"),
        ("Ёлка ёлка", "елка елка"),
        ("購物車 cart錯誤", "購物 物車 cart 錯誤"),
        ("が か", "が か"),
        ("장바구니", "장바 바구 구니"),
        ("त्रुटि", "त्रुटि"),
        ("soft\u00adhyphen", "softhyphen"),
        ("_ ' -- ...", ""),
    ],
)
def test_a_text_is_taken_apart_into_what_it_is_found_by(text: str, terms: str) -> None:
    assert " ".join(terms_of(text)) == terms


@pytest.mark.parametrize(
    ("query", "looked_up"),
    [
        ("carts Carts", [("cart",)]),
        ("cras*", [("cras*",)]),
        ("category*", [("category*", "categori")]),
        ("runn*", [("runn*", "run")]),
        ("a*", [("^a",)]),
        ("a*b*", [("^a",), ("^b",)]),
        ("kö*", [("^ko", "koe*")]),
        ("getUs*", [("get",), ("^us", "getus*")]),
        ("cart/lim*", [("cart",), ("lim*",)]),
        ("車", [("^車",)]),
        ("* _* !", []),
    ],
)
def test_a_query_asks_for_words_and_beginnings(query: str, looked_up: list[tuple[str]]) -> None:
    assert [word.terms for word in words_of(query)] == looked_up


def test_a_ticket_has_the_terms_of_all_its_texts_of_its_title_and_of_how_they_begin() -> None:
    evidence = {"failingHost": ["edge", 7, {"seconds": 1.5, "new": True, "old": None}]}
    terms = terms_of_ticket(TICKET, evidence)
    assert len(terms) == len(set(terms))
    assert {"checkout", "500", "host", "edg", "7", "second", "1", "5"} <= set(terms)
    assert {"=checkout", "=fail", "^c", "^ch", "^7"} <= set(terms)
    assert not {"=500", "^che", "true", "none"} & set(terms)


def test_a_ticket_keeps_so_many_terms_and_none_that_is_longer() -> None:
    evidence = {"log": " ".join(f"w{number}" for number in range(10 * MOST_TERMS)) + " last"}
    terms = terms_of_ticket({**TICKET, "description": "x" * 1000}, evidence)
    assert MOST_TERMS <= len(terms) < 2 * MOST_TERMS
    assert "checkout" in terms
    assert "last" not in terms
    assert max(map(len, terms)) == TERM_LENGTH
