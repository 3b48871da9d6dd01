"""What a page in a browser may do (CORS)."""

from pathlib import Path

import pytest

from tests.http.served import Served, make_token

pytestmark = pytest.mark.proof

PAGE = "https://portal.example"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}


def test_a_page_of_a_named_origin_may_call_and_read_the_refusal(store: Path) -> None:
    make_token(store, "ada", "user")
    with Served(store, "--allow-origin", PAGE) as served:
        asked = served.http.options("/api/projects", headers=PREFLIGHT)
        assert asked.status_code == 200
        assert asked.headers["Access-Control-Allow-Origin"] == PAGE
        assert "idempotency-key" in asked.headers["Access-Control-Allow-Headers"]
        refused = served.http.get("/api/projects", headers={"Origin": PAGE})
        assert refused.status_code == 401
        assert refused.headers["Access-Control-Allow-Origin"] == PAGE
        assert "WWW-Authenticate" in refused.headers["Access-Control-Expose-Headers"]


def test_a_page_of_a_named_origin_may_call_from_any_port_where_any_is_named(store: Path) -> None:
    make_token(store, "ada", "user")
    with Served(store, "--allow-origin", "http://Desk.example:*") as served:
        for origin in ("http://desk.example", "http://desk.example:3000"):
            asked = served.http.options("/api/projects", headers={**PREFLIGHT, "Origin": origin})
            assert asked.headers["Access-Control-Allow-Origin"] == origin
        other = {**PREFLIGHT, "Origin": "http://desk.example.evil.example:3000"}
        assert served.http.options("/api/projects", headers=other).status_code == 403


def test_an_origin_is_named_with_or_without_the_port_that_browsers_leave_out(store: Path) -> None:
    make_token(store, "ada", "user")
    with Served(store, "--allow-origin", "https://desk.example:443") as served:
        origin = "https://desk.example"
        asked = served.http.options("/api/projects", headers={**PREFLIGHT, "Origin": origin})
        assert asked.headers["Access-Control-Allow-Origin"] == origin


def test_without_a_named_origin_no_page_may_read(served: Served) -> None:
    own = {**PREFLIGHT, "Origin": served.url}
    assert served.http.options("/api/projects", headers=PREFLIGHT).status_code == 403
    for asked in (
        served.http.options("/api/projects", headers=own),
        served.http.get("/api/projects", headers={"Origin": served.url}),
    ):
        assert "Access-Control-Allow-Origin" not in asked.headers
