"""The entry in a client's file: all else stays, to the byte."""

import pytest

from mcp_handoff.clients.clients import CLIENTS, Client
from mcp_handoff.clients.entries import removed, written
from tests.clients.installing import REMOTE, URL

PROGRAM = ("/opt/bin/mcp-handoff",)

FILLED = {
    "json": """\
// Mine
{
\t"theme": "dark", // at night
\t/* servers */
\t"SERVERS": {
\t\t"other": { "command": "other", "args": ["a", "b"], }, // one
\t},
\t"last": [1, 2.50, "\\u00e9", null]
}
""",
    "toml": """\
# Mine
model = "gpt-5"   # the big one

[SERVERS.other]
command = "other" # one
args = [
  "a",
]

# What the terminal looks like
[tui]
theme = 'dark'
""",
    "yaml": """\
# Mine
GOOSE_MODE: "auto"   # always
SERVERS:
    other:
        type: stdio
        cmd: 'other'
        args:
          - a
          - b # the second

# What follows is of yesterday
GOOSE_MODEL: >-
    a very
    long name
""",
}


ODD = {
    "json": (
        "",
        "{}",
        "{ }",
        '{"a":1}',
        '{ "a": 1 }',
        "{\n  // nothing yet\n}\n",
        '{\n  "a": 1 // c\n  // d\n}\n',
        '{\n  "a": 1, /* c */ // d\n}',
        '{\r\n    "a": {\r\n        "b": "// no comment"\r\n    }\r\n}\r\n',
        '{"SERVERS":{"o":{"command":"x"}}}',
        '{\n  "SERVERS": { // here\n    "o": 1, "p": 2\n  }\n}',
        '{\n  "SERVERS": {\n    // "q": {}\n    "o": {}, // "handoff": {}\n    // end\n  }\n}\n',
        '{"SERVERS": {"o": 1}, "inputs": [{"id": "mine"}, ] }\n',
    ),
    "toml": (
        "",
        'model = "x"',
        'model = "x"\n\n\n',
        "# only a comment\n",
        "[[rows]]\na = 1\n",
        '[SERVERS.o]\nc = """\n[SERVERS.handoff]\n"""\na = [\n["b"],\n]\n\n# of c\n[c]\n',
        '# of p\n[ SERVERS . "p" ]\n\n# of handoffs\n[SERVERS.handoffs]\n',
        '[SERVERS]\n\n[SERVERS.o]\ncommand = "x"\n# end\n',
        '[SERVERS.o]\nc = "1"\n[SERVERS.o.env]\nA = "b"\n\n\n[b]\n[SERVERS.p]\nc = "2"\n',
        'SERVERS.o.command = "x"\n',
        'SERVERS = { o = { command = "x" } }\n',
        "[profiles.x]\r\na = 1\r\n",
    ),
    "yaml": (
        "",
        "a: 1",
        "# only a comment\n",
        "---\na: 1\n",
        "SERVERS:\n  o:\n    type:\n",
        "SERVERS:\n  o:\n    t: 1",
        "SERVERS: # mine\n  # first\n  o: {t: 1} # one\n",
        "SERVERS: {o: {type: x}}\nb: 1\n",
        '{"SERVERS": {"o": 1}}\n',
        "SERVERS:\r\n  o:\r\n    t: 1\r\n# end\r\nb: 1\r\n",
        "SERVERS:\n  o:\n    d: |\n      text\n      more\n\n\nb: 1\n",
        "SERVERS:\n  o:\n    args:\n    - x\n    - - y\n      - z\n\n# of b\nb: 1\n",
    ),
}
"""Files as people and programs write them, by format."""

SAME = {
    "json": {"", "{}", "{ }"},
    "toml": {""},
    "yaml": {""},
}
"""Of these there may be left another text that says nothing."""


def texts(client: Client) -> list[str]:
    """Return what a client's file may hold: comments, an order and another server first."""
    of_format = (FILLED[client.format], *ODD[client.format])
    return [text.replace("SERVERS", client.servers) for text in of_format]


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_every_line_stays_and_in_its_order(client: Client) -> None:
    before, *_ = texts(client)
    left = iter(written(before, client, client.local(PROGRAM)).splitlines())
    for line in before.splitlines():
        assert line in left  # and so on from there


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_written_again_nothing_changes_and_removed_all_is_as_it_was(client: Client) -> None:
    for before in texts(client):
        text = written(before, client, client.local(PROGRAM))
        assert PROGRAM[0] in text
        assert written(text, client, client.local(PROGRAM)) == text
        after = removed(text, client)
        same = SAME[client.format]
        assert after == before or (before in same and after.strip() in same)
        assert removed(after, client) == after


@pytest.mark.parametrize("name", REMOTE)
def test_a_teams_server_is_removed_with_all_that_was_written_for_it(name: str) -> None:
    client = CLIENTS[name]
    assert client.remote is not None
    for before in texts(client):
        text = written(before, client, client.remote(URL, PROGRAM))
        assert text != before
        assert written(text, client, client.remote(URL, PROGRAM)) == text
        after = removed(text, client)
        same = SAME[client.format]
        assert after == before or (before in same and after.strip() in same)


@pytest.mark.parametrize("name", REMOTE)
def test_from_one_way_to_the_other_and_back_leaves_nothing(name: str) -> None:
    client = CLIENTS[name]
    assert client.remote is not None
    local, remote = client.local(PROGRAM), client.remote(URL, PROGRAM)
    before, *_ = texts(client)
    text = written(before, client, local)
    assert written(written(text, client, remote), client, local) == text
    text = written(before, client, remote)
    assert written(written(text, client, local), client, remote) == text
