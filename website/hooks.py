"""What MkDocs calls when it builds the site (https://www.mkdocs.org/user-guide/configuration/#hooks).

It adds pages that are no files of `docs/`: the reference, made from the code at each build, and the
texts that stand at the root of the repository.
"""

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from website import commands, environment, errors, events, metrics, rest, tools

REPOSITORY = "https://github.com/mcp-handoff/mcp-handoff"

ROOT = Path(__file__).parent.parent

AT_THE_ROOT: Mapping[str, str] = {
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
}
"""Where the texts of the repository's root stand in the site."""

REFERENCE: Mapping[str, Callable[[], str]] = {
    "reference/tools.md": tools.page,
    "reference/rest.md": rest.page,
    "reference/openapi.json": rest.description,
    "reference/environment.md": environment.page,
    "reference/commands.md": commands.page,
    "reference/errors.md": errors.page,
    "reference/metrics.md": metrics.page,
    "reference/events.md": events.page,
}
"""The files that are made at each build, and by what."""

_CODE = re.compile(r"(^```.*?^```$|``.+?``|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\((?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of the docs."""
    for name, uri in AT_THE_ROOT.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    for uri, make in REFERENCE.items():
        files.append(File.generated(config, uri, content=make()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead the links of a page that leave the docs to the repository on the web."""
    uri = page.file.src_uri
    at_the_root = {place: name for name, place in AT_THE_ROOT.items()}
    source = at_the_root.get(uri, f"docs/{uri}")

    def led(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        there = AT_THE_ROOT.get(target) or target.removeprefix("docs/")
        if target.startswith("docs/") or target in AT_THE_ROOT:
            address = posixpath.relpath(there, posixpath.dirname(uri) or ".")
        elif (ROOT / target).exists():
            address = f"{REPOSITORY}/blob/main/{target}"
        else:
            address = link[1]  # which MkDocs then says is not there
        return f"]({address}{link[2] or ''})"

    parts = _CODE.split(markdown)  # what is code stands at the odd places
    return "".join(part if at % 2 else _LINK.sub(led, part) for at, part in enumerate(parts))
