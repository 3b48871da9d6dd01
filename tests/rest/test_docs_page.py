"""The page at /api/docs, for people, which works without a network and without a token."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from tests.http.served import Served
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

LINK = re.compile(r"""(?:src|href|url|Url)\s*[=:]\s*["']([^"']+)["']""")


def test_the_page_and_all_it_loads_come_from_this_server_without_a_token(served: Served) -> None:
    with httpx2.Client(base_url=served.url, timeout=TIMEOUT) as anyone:
        page = anyone.get("/api/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert not re.findall(r"""["'(](?:https?:)?//[^"')]*""", page.text)
        links = LINK.findall(page.text)
        assert {Path(link).suffix for link in links} >= {".js", ".css", ".png", ".json"}
        for link in links:
            assert anyone.get(link).status_code == 200, link
        for path in ("/api/docs/", "/api/static-offline-docs/../projects", "/api/projects"):
            assert anyone.get(path).status_code == 401, path


def test_its_policy_lets_its_own_scripts_run_and_no_others(served: Served) -> None:
    page = served.http.get("/api/docs")
    policy = dict(
        part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; ")
    )
    scripts = re.findall("<script>(.*?)</script>", page.text, re.DOTALL)
    digests = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert len(digests) == 1
    assert policy["script-src"] == f"'self' 'sha256-{digests[0]}'"
    assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
