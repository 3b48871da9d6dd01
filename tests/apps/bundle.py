"""The script of a chat that shows MCP Apps, made of npm's packages."""

from pathlib import Path

from tests.npm import installed, run_node

HOST = Path(__file__).parent / "host"


def host_script(kept: Path) -> str:
    """Return the script, bundled with the packages in the folder where they are kept."""
    packages = installed(HOST, kept)
    esbuild = ("node_modules/esbuild/bin/esbuild", "--bundle", "--log-level=error")
    source = (HOST / "host.js").read_text(encoding="utf-8")
    made = run_node(*esbuild, cwd=packages, input=source, encoding="utf-8", check=True)
    return made.stdout
