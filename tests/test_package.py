"""What is published: the wheel, what PyPI shows of it, and one version everywhere."""

import json
import re
import shutil
import subprocess
import sys
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from mcp_handoff import __version__
from mcp_handoff.mcp.tools import TOOLS
from tests.mcp.wire import TIMEOUT

CHECKOUT = Path(__file__).parent.parent
README = CHECKOUT / "README.md"
LINK = re.compile(r'\]\(([^)]+)\)|(?:src|srcset|href)="([^"]+)"')
REPOSITORY = "https://github.com/mcp-handoff/mcp-handoff"
PAGES = f"{REPOSITORY}/blob/v{__version__}/"
PICTURES = f"https://raw.githubusercontent.com/mcp-handoff/mcp-handoff/v{__version__}/"


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Message:
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "mcp_handoff", copy / "mcp_handoff", ignore=ignored)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
        cwd=copy,
        check=True,
        capture_output=True,
        timeout=TIMEOUT,
    )
    [wheel] = (copy / "dist").glob("*.whl")
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("dist-info/METADATA")]
        return message_from_string(archive.read(name).decode())


def test_every_link_that_pypi_shows_leads_to_a_file_of_the_release(metadata: Message) -> None:
    links = _links(str(metadata.get_payload()))
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    ours = [link.partition("#")[0] for link in links if link.startswith((PAGES, PICTURES))]
    paths = [link.removeprefix(PAGES).removeprefix(PICTURES) for link in ours]
    assert len(paths) == len([link for link in _links(README.read_text()) if "://" not in link])
    assert [path for path in paths if not (CHECKOUT / path).exists()] == []
    pictures = {link for link in links if link.endswith((".png", ".svg"))}
    assert {link for link in pictures if link.startswith(PICTURES)} == pictures


def test_pypi_shows_the_readme_with_the_name_that_the_mcp_registry_looks_for(
    metadata: Message,
) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    shown = str(metadata.get_payload())
    assert f"<!-- mcp-name: {_server()['name']} -->" in shown
    assert LINK.sub("", shown) == LINK.sub("", README.read_text())


def test_the_package_says_where_its_code_docs_changes_and_issues_are(metadata: Message) -> None:
    urls = dict(str(url).split(", ", 1) for url in metadata.get_all("Project-URL", []))
    assert {*urls} == {"Repository", "Documentation", "Changelog", "Issues", "Security"}
    assert all(url.startswith(REPOSITORY) for url in urls.values())


def test_one_version_stands_everywhere() -> None:
    server = _server()
    assert server["version"] == __version__
    assert {package["version"] for package in server["packages"]} == {__version__}
    assert f"\n## [{__version__}] - " in (CHECKOUT / "CHANGELOG.md").read_text()


def test_the_readme_tells_every_tool() -> None:
    table = README.read_text().partition("## Tools")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [tool.name for tool in TOOLS]


def _links(text: str) -> list[str]:
    return [link or address for link, address in LINK.findall(text)]


def _server() -> dict[str, Any]:
    return json.loads((CHECKOUT / "server.json").read_text())
