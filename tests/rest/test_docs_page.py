"""The page at /api/docs, for people, which works without a network."""

import re
from pathlib import Path

from tests.http.served import Served

LINK = re.compile(r"""(?:src|href|url|Url)\s*[=:]\s*["']([^"']+)["']""")


def test_the_page_and_all_it_loads_come_from_this_server(served: Served) -> None:
    page = served.http.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.findall(r"""["'(](?:https?:)?//[^"')]*""", page.text)
    links = LINK.findall(page.text)
    assert {Path(link).suffix for link in links} >= {".js", ".css", ".png", ".json"}
    for link in links:
        assert served.http.get(link).status_code == 200, link
