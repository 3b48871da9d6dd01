"""The clients that an entry can be written for: where each has its file, and how an entry reads
there, as its documentation says. Where a token is needed the entry names what holds it, never the
token: files of a project are shared, and those of a user end up in backups and dotfiles."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from pydantic import JsonValue

Scope = Literal["user", "project"]
Format = Literal["json", "toml", "yaml"]
Entry = dict[str, JsonValue]

NAME = "handoff"
"""What the server is called in every client."""

TOKEN = "HANDOFF_TOKEN"  # noqa: S105
"""The environment variable that clients take the token of a team's server from."""

TOKEN_INPUT = "handoff-token"  # noqa: S105
"""What VS Code asks for the token by."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where files may lie: the system as `sys.platform` has it, the home, the environment."""

    system: str
    home: PurePath
    environment: Mapping[str, str]

    def folder(self, variable: str, *otherwise: str) -> PurePath:
        """Return the folder that a variable names, else one in the home."""
        named = self.environment.get(variable)
        return type(self.home)(named) if named else self.home.joinpath(*otherwise)

    def xdg(self) -> PurePath:
        """Return where programs keep settings that go by the XDG Base Directory Specification."""
        return self.folder("XDG_CONFIG_HOME", ".config")

    def roaming(self) -> PurePath:
        """Return where programs of Windows keep settings."""
        return self.folder("APPDATA", "AppData", "Roaming")

    def settings(self) -> PurePath:
        """Return where the applications of this system keep settings."""
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        return self.roaming() if self.system == "win32" else self.xdg()


@dataclass(frozen=True, slots=True)
class Client:
    """A program that lists MCP servers in a file of its own.

    `user_file` says where that is for all projects; `project_file` is relative to a project, None
    where there is none. `servers` is the name of the object that lists servers; `local` makes the
    entry of a server that is started by this command, `remote` that of one at this address (or of
    this command, which speaks to it), None where the file can't say that. `needs` tells how the
    token comes in, `then` what a person does next, `in_project` what beside that, and `variables`
    names the object of an entry that holds variables for the server. With `or_jsonc` the file may
    end in .jsonc.
    """

    name: str
    title: str
    format: Format
    user_file: Callable[[Machine], PurePath]
    project_file: str | None
    servers: str
    local: Callable[[Sequence[str]], Entry]
    remote: Callable[[str, Sequence[str]], Entry] | None
    then: str
    in_project: str = ""
    needs: str = f"Set {TOKEN} to the token in the environment that the client is started from."
    variables: str = "env"
    or_jsonc: bool = False

    def inputs(self, entry: Entry) -> Sequence[Entry]:
        """Return what the client has to ask a person for, for this entry."""
        return [_TOKEN_PROMPT] if f"${{input:{TOKEN_INPUT}}}" in str(entry) else []


_TOKEN_PROMPT: Entry = {
    "type": "promptString",
    "id": TOKEN_INPUT,
    "description": "Token of the handoff desk",
    "password": True,
}


def _command(command: Sequence[str]) -> Entry:
    program, *arguments = command
    entry: Entry = {"command": program}
    return {**entry, "args": [*arguments]} if arguments else entry


def _typed_command(command: Sequence[str]) -> Entry:
    return {"type": "stdio", **_command(command)}


def _bearer(reference: str) -> Entry:
    return {"headers": {"Authorization": f"Bearer {reference}"}}


def _goose(kind: str) -> Entry:
    return {
        "type": kind,
        "name": NAME,
        "description": "Tickets that agents and people hand to one another",
        "enabled": True,
        "timeout": 300,
    }


def _claude_file(machine: Machine) -> PurePath:
    return machine.folder("CLAUDE_CONFIG_DIR") / ".claude.json"


def _goose_file(machine: Machine) -> PurePath:
    if machine.system == "win32":
        return machine.roaming() / "Block" / "goose" / "config" / "config.yaml"
    return machine.xdg() / "goose" / "config.yaml"


def _zed_file(machine: Machine) -> PurePath:
    if machine.system == "win32":
        return machine.roaming() / "Zed" / "settings.json"
    folder = machine.xdg() if machine.system == "linux" else machine.home / ".config"
    return folder / "zed" / "settings.json"


_ALL = (
    Client(  # https://code.claude.com/docs/en/mcp
        "claude-code",
        "Claude Code",
        "json",
        _claude_file,
        ".mcp.json",
        "mcpServers",
        _typed_command,
        lambda url, _: {"type": "http", "url": url, **_bearer(f"${{{TOKEN}}}")},
        "Restart it; `claude mcp list` shows whether it connects.",
        in_project="It asks before it uses what a project brings.",
    ),
    Client(  # https://modelcontextprotocol.io/docs/develop/connect-local-servers
        "claude-desktop",
        "Claude Desktop",
        "json",
        lambda machine: machine.settings() / "Claude" / "claude_desktop_config.json",
        None,
        "mcpServers",
        _command,
        None,
        "Quit it and start it again; Settings → Developer shows the server.",
    ),
    Client(  # https://cursor.com/docs/context/mcp
        "cursor",
        "Cursor",
        "json",
        lambda machine: machine.home / ".cursor" / "mcp.json",
        ".cursor/mcp.json",
        "mcpServers",
        _typed_command,
        lambda url, _: {"url": url, **_bearer(f"${{env:{TOKEN}}}")},
        "Restart it; its settings show the server under MCP.",
    ),
    Client(  # https://code.visualstudio.com/docs/copilot/reference/mcp-configuration
        "vscode",
        "VS Code",
        "json",
        lambda machine: machine.settings() / "Code" / "User" / "mcp.json",
        ".vscode/mcp.json",
        "servers",
        _typed_command,
        lambda url, _: {"type": "http", "url": url, **_bearer(f"${{input:{TOKEN_INPUT}}}")},
        "Start the server with the command `MCP: List Servers`.",
        needs="It asks for the token when it first starts the server, and keeps it encrypted.",
    ),
    Client(  # https://developers.openai.com/codex/mcp
        "codex",
        "Codex",
        "toml",
        lambda machine: machine.folder("CODEX_HOME", ".codex") / "config.toml",
        ".codex/config.toml",
        "mcp_servers",
        _command,
        lambda url, _: {"url": url, "bearer_token_env_var": TOKEN},
        "Restart it; /mcp shows the server.",
        in_project="It reads the file of a project that you trust.",
    ),
    Client(  # https://geminicli.com/docs/tools/mcp-server/
        "gemini",
        "Gemini CLI",
        "json",
        lambda machine: machine.folder("GEMINI_CLI_HOME") / ".gemini" / "settings.json",
        ".gemini/settings.json",
        "mcpServers",
        _command,
        lambda url, _: {"httpUrl": url, **_bearer(f"${TOKEN}")},
        "Restart it; `gemini mcp list` shows whether it connects, in a folder that you trust.",
    ),
    Client(  # https://opencode.ai/docs/mcp-servers/
        "opencode",
        "opencode",
        "json",
        lambda machine: machine.xdg() / "opencode" / "opencode.json",
        "opencode.json",
        "mcp",
        lambda command: {"type": "local", "command": list(command)},
        lambda url, _: {
            "type": "remote",
            "url": url,
            **_bearer(f"{{env:{TOKEN}}}"),
            "oauth": False,
        },
        "Restart it; `opencode mcp list` shows whether it connects.",
        variables="environment",
        or_jsonc=True,
    ),
    Client(  # https://zed.dev/docs/ai/mcp; its headers hold no variables, so a server speaks for it
        "zed",
        "Zed",
        "json",
        _zed_file,
        ".zed/settings.json",
        "context_servers",
        _command,
        lambda url, command: {**_command(command), "env": {"HANDOFF_BACKEND": api_of(url)}},
        "The settings of its Agent Panel show the server.",
        needs="Set HANDOFF_API_TOKEN to the token in the environment of your login shell, which Zed"
        " takes over.",
    ),
    Client(  # https://docs.windsurf.com/windsurf/cascade/mcp
        "windsurf",
        "Windsurf",
        "json",
        lambda machine: machine.home / ".codeium" / "windsurf" / "mcp_config.json",
        None,
        "mcpServers",
        _command,
        lambda url, _: {"serverUrl": url, **_bearer(f"${{env:{TOKEN}}}")},
        "Press the refresh button of Cascade's MCP servers.",
    ),
    Client(  # https://goose-docs.ai/docs/guides/config-files
        "goose",
        "Goose",
        "yaml",
        _goose_file,
        None,
        "extensions",
        lambda command: {**_goose("stdio"), "cmd": command[0], "args": list(command[1:])},
        lambda url, _: {
            **_goose("streamable_http"),
            "uri": url,
            **_bearer(f"${{{TOKEN}}}"),
            "env_keys": [TOKEN],
        },
        "Start a new session; `goose info -v` shows the extension.",
        variables="envs",
    ),
)

CLIENTS: Mapping[str, Client] = {client.name: client for client in _ALL}


def api_of(url: str) -> str:
    """Return the address of a server's REST API, of that of its /mcp."""
    return re.sub(r"/mcp/?$", "/api", url)
