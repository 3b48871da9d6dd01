"""Links in the texts of the repository, where they are read as files."""

from pathlib import Path

import pytest

from tests.docs.links import broken_links

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert list(broken_links(ROOT, page)) == []


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("there.md", False),
        ("there.md#how-it-is-done", False),
        ("there.md#how-it-is-done-1", False),
        ("#here", False),
        ("https://elsewhere.example/page", False),
        ("https://github.com/mcp-handoff/mcp-handoff/blob/main/docs/there.md", False),
        ("reference/tools.md", False),
        ("gone.md", True),
        ("there.md#how-it-was-done", True),
        ("#there", True),
        ("https://github.com/mcp-handoff/mcp-handoff/blob/main/there.md", True),
        ("reference/gone.md", True),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, wrong: bool) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "there.md").write_text("# How it is done?\n\n## How it is done\n")
    page = docs / "page.md"
    page.write_text(f"# Here\n\nA [link]({link}), and `[code](gone.md)`.\n")
    assert bool(list(broken_links(tmp_path, page))) is wrong
