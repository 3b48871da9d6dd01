"""What is written for each client, letter by letter as its documentation has it (the addresses are
in clients/clients.py), and nothing secret among it."""

from pathlib import Path

import pytest

from mcp_handoff.clients.clients import CLIENTS
from tests.clients.installing import OF_PROJECTS, PROGRAM, REMOTE, URL, install, user_file

pytestmark = pytest.mark.proof

_TYPED = """\
{
  "mcpServers": {
    "handoff": {
      "type": "stdio",
      "command": "PROGRAM"
    }
  }
}
"""
_PLAIN = """\
{
  "mcpServers": {
    "handoff": {
      "command": "PROGRAM"
    }
  }
}
"""

LOCAL = {
    "claude-code": _TYPED,
    "claude-desktop": _PLAIN,
    "cursor": _TYPED,
    "vscode": _TYPED.replace("mcpServers", "servers"),
    "codex": '[mcp_servers.handoff]\ncommand = "PROGRAM"\n',
    "gemini": _PLAIN,
    "opencode": """\
{
  "mcp": {
    "handoff": {
      "type": "local",
      "command": [
        "PROGRAM"
      ]
    }
  }
}
""",
    "zed": _PLAIN.replace("mcpServers", "context_servers"),
    "windsurf": _PLAIN,
    "goose": """\
extensions:
  handoff:
    type: stdio
    name: handoff
    description: Tickets that agents and people hand to one another
    enabled: true
    timeout: 300
    cmd: PROGRAM
    args: []
""",
}

ELSEWHERE = {
    "claude-code": """\
{
  "mcpServers": {
    "handoff": {
      "type": "http",
      "url": "https://desk.example/mcp",
      "headers": {
        "Authorization": "Bearer ${HANDOFF_TOKEN}"
      }
    }
  }
}
""",
    "cursor": """\
{
  "mcpServers": {
    "handoff": {
      "url": "https://desk.example/mcp",
      "headers": {
        "Authorization": "Bearer ${env:HANDOFF_TOKEN}"
      }
    }
  }
}
""",
    "vscode": """\
{
  "servers": {
    "handoff": {
      "type": "http",
      "url": "https://desk.example/mcp",
      "headers": {
        "Authorization": "Bearer ${input:handoff-token}"
      }
    }
  },
  "inputs": [
    {
      "type": "promptString",
      "id": "handoff-token",
      "description": "Token of the handoff desk",
      "password": true
    }
  ]
}
""",
    "codex": """\
[mcp_servers.handoff]
url = "https://desk.example/mcp"
bearer_token_env_var = "HANDOFF_TOKEN"
""",
    "gemini": """\
{
  "mcpServers": {
    "handoff": {
      "httpUrl": "https://desk.example/mcp",
      "headers": {
        "Authorization": "Bearer $HANDOFF_TOKEN"
      }
    }
  }
}
""",
    "opencode": """\
{
  "mcp": {
    "handoff": {
      "type": "remote",
      "url": "https://desk.example/mcp",
      "headers": {
        "Authorization": "Bearer {env:HANDOFF_TOKEN}"
      },
      "oauth": false
    }
  }
}
""",
    "zed": """\
{
  "context_servers": {
    "handoff": {
      "command": "PROGRAM",
      "env": {
        "HANDOFF_BACKEND": "https://desk.example/api"
      }
    }
  }
}
""",
    "windsurf": """\
{
  "mcpServers": {
    "handoff": {
      "serverUrl": "https://desk.example/mcp",
      "headers": {
        "Authorization": "Bearer ${env:HANDOFF_TOKEN}"
      }
    }
  }
}
""",
    "goose": """\
extensions:
  handoff:
    type: streamable_http
    name: handoff
    description: Tickets that agents and people hand to one another
    enabled: true
    timeout: 300
    uri: https://desk.example/mcp
    headers:
      Authorization: Bearer ${HANDOFF_TOKEN}
    env_keys:
    - HANDOFF_TOKEN
""",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_that_the_client_starts_is_written_as_documented(client: str, home: Path) -> None:
    assert install(home, client).returncode == 0
    assert user_file(client, home).read_text() == LOCAL[client].replace("PROGRAM", PROGRAM)


@pytest.mark.parametrize("client", OF_PROJECTS)
def test_a_projects_file_names_the_program_as_everybody_has_it(client: str, home: Path) -> None:
    assert install(home, client, "--scope", "project").returncode == 0
    file = home / str(CLIENTS[client].project_file)
    assert file.read_text() == LOCAL[client].replace("PROGRAM", "mcp-handoff")


@pytest.mark.parametrize("client", REMOTE)
def test_a_teams_server_is_written_as_documented(client: str, home: Path) -> None:
    assert install(home, client, "--url", URL, HANDOFF_TOKEN="mho_secret").returncode == 0
    written = user_file(client, home).read_text()
    assert written == ELSEWHERE[client].replace("PROGRAM", PROGRAM)


@pytest.mark.parametrize("client", REMOTE)
def test_what_is_printed_is_what_would_be_written_and_nothing_is(client: str, home: Path) -> None:
    printed = install(home, client, "--url", URL, "--print")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout == ELSEWHERE[client].replace("PROGRAM", PROGRAM)
    assert list(home.iterdir()) == []
