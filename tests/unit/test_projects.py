from pathlib import Path

import pytest

from mcp_handoff.config import read_settings
from mcp_handoff.projects import slug_of


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Crème Brûlée!", "creme-brulee"), ("--Web  Shop_2--", "web-shop-2"), ("日本", "default")],
)
def test_a_slug_is_plain_lower_case(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_the_project_is_the_git_checkout_that_the_server_starts_in(tmp_path: Path) -> None:
    inside = tmp_path / "Web Shop" / "src" / "deep"
    inside.mkdir(parents=True)
    assert read_settings({}, inside).project == "default"
    (tmp_path / "Web Shop" / ".git").write_text("gitdir: elsewhere")
    assert read_settings({}, inside).project == "web-shop"
    assert read_settings({"HANDOFF_PROJECT": "mine"}, inside).project == "mine"
