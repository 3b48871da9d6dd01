"""Where each client has its file, on every system."""

from pathlib import PurePath, PurePosixPath, PureWindowsPath

import pytest

from mcp_handoff.clients.clients import CLIENTS, Machine

LINUX = Machine("linux", PurePosixPath("/home/ann"), {})
MAC = Machine("darwin", PurePosixPath("/Users/ann"), {})
WINDOWS = Machine("win32", PureWindowsPath("C:/Users/ann"), {"APPDATA": "D:/Roaming"})

_MAC_SUPPORT = "/Users/ann/Library/Application Support"

FILES = {
    "claude-code": (
        "/home/ann/.claude.json",
        "/Users/ann/.claude.json",
        "C:/Users/ann/.claude.json",
    ),
    "claude-desktop": (
        "/home/ann/.config/Claude/claude_desktop_config.json",
        f"{_MAC_SUPPORT}/Claude/claude_desktop_config.json",
        "D:/Roaming/Claude/claude_desktop_config.json",
    ),
    "cursor": (
        "/home/ann/.cursor/mcp.json",
        "/Users/ann/.cursor/mcp.json",
        "C:/Users/ann/.cursor/mcp.json",
    ),
    "vscode": (
        "/home/ann/.config/Code/User/mcp.json",
        f"{_MAC_SUPPORT}/Code/User/mcp.json",
        "D:/Roaming/Code/User/mcp.json",
    ),
    "codex": (
        "/home/ann/.codex/config.toml",
        "/Users/ann/.codex/config.toml",
        "C:/Users/ann/.codex/config.toml",
    ),
    "gemini": (
        "/home/ann/.gemini/settings.json",
        "/Users/ann/.gemini/settings.json",
        "C:/Users/ann/.gemini/settings.json",
    ),
    "opencode": (
        "/home/ann/.config/opencode/opencode.json",
        "/Users/ann/.config/opencode/opencode.json",
        "C:/Users/ann/.config/opencode/opencode.json",
    ),
    "zed": (
        "/home/ann/.config/zed/settings.json",
        "/Users/ann/.config/zed/settings.json",
        "D:/Roaming/Zed/settings.json",
    ),
    "windsurf": (
        "/home/ann/.codeium/windsurf/mcp_config.json",
        "/Users/ann/.codeium/windsurf/mcp_config.json",
        "C:/Users/ann/.codeium/windsurf/mcp_config.json",
    ),
    "goose": (
        "/home/ann/.config/goose/config.yaml",
        "/Users/ann/.config/goose/config.yaml",
        "D:/Roaming/Block/goose/config/config.yaml",
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_each_system_has_a_clients_file_where_its_documentation_says(client: str) -> None:
    linux, mac, windows = FILES[client]
    file = CLIENTS[client].user_file
    assert file(LINUX) == PurePosixPath(linux)
    assert file(MAC) == PurePosixPath(mac)
    assert file(WINDOWS) == PureWindowsPath(windows)


@pytest.mark.parametrize(
    ("client", "variable", "file"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", "/elsewhere/.claude.json"),
        ("claude-desktop", "XDG_CONFIG_HOME", "/elsewhere/Claude/claude_desktop_config.json"),
        ("vscode", "XDG_CONFIG_HOME", "/elsewhere/Code/User/mcp.json"),
        ("codex", "CODEX_HOME", "/elsewhere/config.toml"),
        ("gemini", "GEMINI_CLI_HOME", "/elsewhere/.gemini/settings.json"),
        ("opencode", "XDG_CONFIG_HOME", "/elsewhere/opencode/opencode.json"),
        ("zed", "XDG_CONFIG_HOME", "/elsewhere/zed/settings.json"),
        ("goose", "XDG_CONFIG_HOME", "/elsewhere/goose/config.yaml"),
    ],
)
def test_a_variable_that_the_client_knows_leads_elsewhere(
    client: str, variable: str, file: str
) -> None:
    machine = Machine("linux", PurePosixPath("/home/ann"), {variable: "/elsewhere"})
    assert CLIENTS[client].user_file(machine) == PurePath(file)
