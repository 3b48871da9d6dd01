"""What a search finds, the same in every backend that is ours."""

from typing import Any

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Backend
from tests import requests

BOARD: dict[str, dict[str, Any]] = {
    "checkout": {
        "title": "Checkout fails at 100 items",
        "description": "POST /checkout answers 500 from the 100th item on.",
    },
    "limits": {
        "title": "Raise the item limit of carts",
        "description": "cart/limits.py:41 still says MAX_ITEMS = 99; getCartById has it too.",
    },
    "gateway": {
        "title": "Gateway times out on Fridays",
        "description": "The log is full of HTTP_504, from v2.5 on; see https://x.example/status.",
        "evidence": {"failing_host": "edge-7", "trace": ["upstreamTimeout", {"attempts": 1812}]},
    },
    "street": {
        "title": "Straße und Ort vertauscht",
        "description": "In Köln steht die Größe des Warenkorbs im Feld “Straße”, sagt Émile.",
        "suggested_resolution": "Swap the columns in the importer.",
    },
    "chinese": {"title": "購物車錯誤 after login", "description": "結帳時系統沒有回應,請修正。"},
    "japanese": {"title": "カートに商品が入らない", "description": "ボタンを押しても反応がない。"},
    "korean": {"title": "장바구니 오류", "description": "결제 버튼이 동작하지 않습니다."},
    "russian": {"title": "Ошибка в корзине", "description": "Ёлка исчезает при оплате заказа."},
    "greek": {"title": "Σφάλμα στο καλάθι", "description": "Η πληρωμή δεν ολοκληρώνεται ποτέ."},
    "hindi": {"title": "भुगतान में त्रुटि", "description": "कार्ट खाली हो जाता है।"},
    "thai": {"title": "ตะกร้าสินค้าผิดพลาด", "description": "กดปุ่มชำระเงินแล้วไม่มีอะไรเกิดขึ้น"},
    "export": {
        "title": "Nightly export crashes",
        "description": "It's the same categories as ever: the crash comes with foo_bar, not bar.",
        "implementation_notes": "Probably the deployments' scheduler.",
    },
}
"""Tickets by what the table below calls them, the oldest first."""

FINDS: list[tuple[str, list[str]]] = [
    # words, any of them, the best first
    ("checkout", ["checkout"]),
    ("CHECKOUT 500", ["checkout"]),
    ("checkout nonsense", ["checkout"]),
    ("item limit", ["limits", "checkout"]),
    ("100 items", ["checkout", "limits"]),
    # English word forms
    ("cart", ["limits"]),
    ("carts", ["limits"]),
    ("failing checkouts", ["checkout", "gateway"]),
    ("failed", ["checkout", "gateway"]),
    ("timing out", ["gateway"]),
    ("category", ["export"]),
    ("crashed", ["export"]),
    ("deployed", ["export"]),
    # accents, ß, ö
    ("emile", ["street"]),
    ("ÉMILE", ["street"]),
    ("strasse", ["street"]),
    ("STRASSE", ["street"]),
    ("straße", ["street"]),
    ("Koln", ["street"]),
    ("koeln", ["street"]),
    ("Köln", ["street"]),
    ("groesse", ["street"]),
    # other scripts
    ("購物車", ["chinese"]),
    ("系統回應", ["chinese"]),
    ("車", ["chinese"]),
    ("カート", ["japanese"]),
    ("反応", ["japanese"]),
    ("장바구니", ["korean"]),
    ("버튼", ["korean"]),
    ("корзине", ["russian"]),
    ("ОШИБКА", ["russian"]),
    ("елка", ["russian"]),
    ("σφαλμα", ["greek"]),
    ("ΚΑΛΆΘΙ", ["greek"]),
    ("त्रुटि", ["hindi"]),
    ("ตะกร้า", ["thai"]),
    # characters that stand for several
    ("⑱⑫", ["gateway"]),
    ("⑸", ["gateway"]),
    ("ﷺ", []),
    # identifiers, whole and by their parts
    ("getCartById", ["limits"]),
    ("get_cart_by_id", ["limits"]),
    ("cart/limits.py:41", ["limits"]),
    ("limits.py", ["limits"]),
    ("MAX_ITEMS", ["limits", "checkout"]),
    ("HTTP_504", ["gateway"]),
    ("http504", ["gateway"]),
    ("504", ["gateway"]),
    ("upstream timeout", ["gateway"]),
    ("v2.5", ["gateway"]),
    ("x.example", ["gateway"]),
    ("foo-bar", ["export"]),
    ("foobar", ["export"]),
    # evidence, suggested resolution, notes
    ("1812", ["gateway"]),
    ("failing_host", ["gateway", "checkout"]),
    ("importer", ["street"]),
    ("scheduler", ["export"]),
    # beginnings
    ("cras*", ["export"]),
    ("expo*", ["export"]),
    ("categori*", ["export"]),
    ("category*", ["export"]),
    ("getCart*", ["limits"]),
    ("nig*", ["export"]),
    ("ni*", ["export"]),
    ("gr*", ["street"]),
    # a few wrong letters, where nothing else is found
    ("chekout", ["checkout"]),
    ("hceckouts", ["checkout"]),
    ("nihgtly exprot", ["export"]),
    ("gatewya", ["gateway"]),
    ("impotrer", ["street"]),
    ("корзнне", ["russian"]),
    ("checkuot nightly", ["export"]),
    ("crt", []),
    ("chhhout", []),
    # signs of query languages are no signs here
    ("' OR 1", []),
    ("!checkout", ["checkout"]),
    ("-checkout", ["checkout"]),
    ('"checkout"', ["checkout"]),
    ("title:checkout", ["checkout"]),
    ("checkout & nothing", ["checkout"]),
    ("@", []),
    ("=checkout", ["checkout"]),
    ("^c", []),
    ("!!! ()", []),
    ("*", []),
    ("_", []),
]


@pytest.fixture(autouse=True)
async def board(backend: Backend, caller: Caller) -> None:
    for texts in BOARD.values():
        await backend.create_ticket(caller, requests.create_ticket(**texts))


async def found(backend: Backend, caller: Caller, query: str, **filters: Any) -> list[str]:
    """Return the names of what a search finds, in its order."""
    names = {texts["title"]: name for name, texts in BOARD.items()}
    page = await backend.find_tickets(caller, requests.find_tickets(query=query, **filters))
    return [names[ticket.title or ""] for ticket in page.tickets]


async def test_words_find_what_holds_them_in_whatever_form_they_are_written(
    backend: Backend, caller: Caller
) -> None:
    wrong = {
        query: names
        for query, expected in FINDS
        if (names := await found(backend, caller, query)) != expected
    }
    assert wrong == {}


async def test_whatever_a_ticket_is_filtered_by_the_best_still_come_first(
    backend: Backend, caller: Caller
) -> None:
    assert await found(backend, caller, "100 items", status="open") == ["checkout", "limits"]
    assert await found(backend, caller, "100 items", role="backend") == ["checkout", "limits"]
    assert await found(backend, caller, "100 items", role="qa") == []
    assert await found(backend, caller, "100 items", status="closed") == []


async def test_pages_go_on_within_the_ranking(backend: Backend, caller: Caller) -> None:
    pages, cursor = list[str](), None
    while True:
        request = requests.find_tickets(query="MAX_ITEMS crashes 504", limit=1, cursor=cursor)
        page = await backend.find_tickets(caller, request)
        pages += [ticket.title or "" for ticket in page.tickets]
        if (cursor := page.next_cursor) is None:
            break
    names = ["limits", "export", "gateway", "checkout"]
    assert sorted(pages) == sorted(BOARD[name]["title"] for name in names)
    assert pages[0] == BOARD["limits"]["title"]


async def test_a_ticket_that_was_closed_is_found_among_the_closed_ones(
    backend: Backend, caller: Caller
) -> None:
    suggested = await backend.suggest_close(caller, requests.suggest_close(1))
    await backend.act_on_suggestion(caller, requests.execute(suggested.suggestion.id))
    assert await found(backend, caller, "100 items", status="open") == ["limits"]
    assert await found(backend, caller, "100 items", status="closed") == ["checkout"]
    assert await found(backend, caller, "100 items") == ["checkout", "limits"]


async def test_what_was_tried_is_told_where_nothing_has_the_words(
    backend: Backend, caller: Caller
) -> None:
    tried = dict[str, list[str] | None]()
    for query in ("checkout", "chekout", "kumquat", "1"):
        request = requests.find_tickets(query=query)
        tried[query] = (await backend.find_tickets(caller, request)).tried
    assert tried["checkout"] is tried["1"] is None
    assert tried["chekout"] is not None
    assert tried["chekout"][-1] == "words that differ by a letter or two: checkout"
    assert tried["kumquat"] is not None
    assert tried["kumquat"][-1] == "words that differ by a letter or two"
