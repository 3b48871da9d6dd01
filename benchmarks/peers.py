"""What people would otherwise hand tickets over with, beside mcp-handoff: Backlog.md, and
mcp-atlassian with a stand-in for Jira.

Both are installed into `.benchmarks` (300 MB), beside the project and never into its own
environment: Backlog.md from npm, mcp-atlassian from PyPI. Where one can't be had, a line says so.
"""

import statistics
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import load, wire
from benchmarks.contenders import ROOT, Contender, bare, inherited, ours, ours_over_http, python
from benchmarks.jira_server import PROJECT
from benchmarks.load import PLACE, Load, Order
from benchmarks.pipes import Server
from benchmarks.served import Served
from benchmarks.stdio import create_in_turn, list_bytes
from benchmarks.table import markdown
from benchmarks.turns import shuffled, timing
from tests.clusters import free_port

BACKLOG, ATLASSIAN = "backlog.md@1.52.0", "mcp-atlassian==0.23.1"

CALLS = 50
"""How many tickets each files in a round: Backlog.md takes longer the more there are."""

CLIENTS = 8
"""How many file tickets at once over HTTP."""

_ERA = wire.HANDSHAKE
"""All of them speak it."""

_FOLDER = ROOT / ".benchmarks"
_MEGABYTE = 1_000_000
_HEAD = [
    f"beside what else there is ({_ERA})",
    "start to first answer, ms",
    "to tools/list",
    "to first create",
    "create, ms",
    "resident MB",
    "tools",
    "their bytes",
    f"creates a second over HTTP, {CLIENTS} clients",
]


@dataclass(slots=True)
class Peer:
    """A server beside others, what makes its store, and how it is served over HTTP, if it is."""

    name: str
    contender: Contender
    prepare: Callable[[Path], None] = lambda _: None
    serve: Callable[[Path], Served] | None = None
    loads: list[Load] = field(default_factory=list[Load])


def compare(rounds: int) -> str:
    """Install what is missing, measure all in turn and return the table."""
    with ExitStack() as stack:
        jira = Served(python("benchmarks.jira_server"), inherited(), ROOT)
        host, port = stack.enter_context(jira).address
        present = [one for one in (_backlog(), _atlassian(f"http://{host}:{port}")) if one]
        peers = [
            Peer("bare SDK server", bare(), serve=bare("http").serve),
            Peer("mcp-handoff", ours(), serve=ours_over_http().serve),
            *present,
        ]
        for _ in range(rounds):
            _round(shuffled(peers))
        _put_loads(peers, rounds)
    missing = {BACKLOG, ATLASSIAN} - {peer.name for peer in peers}
    lines = [f"{name} can't be installed here, so it was not measured." for name in sorted(missing)]
    return "\n\n".join([markdown(_HEAD, [_row(peer) for peer in peers]), *lines])


def _round(peers: Sequence[Peer]) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        started: list[tuple[Contender, Server]] = []
        for index, peer in enumerate(peers):
            store = folder / str(index)
            peer.prepare(store)
            server = stack.enter_context(peer.contender.start(store, _ERA))
            peer.contender.create_first(server, _ERA)
            started.append((peer.contender, server))
        create_in_turn(started, CALLS)


def _put_loads(peers: Sequence[Peer], rounds: int) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        sides: list[tuple[Peer, Served, str]] = []
        for index, peer in enumerate(peers):
            if peer.serve is not None:
                server = stack.enter_context(peer.serve(folder / str(index)))
                session, contender = wire.open_session(server.address), peer.contender
                request = wire.handshake(contender.tool, contender.ticket(PLACE), session)
                load.put(Order(server.address, [request], clients=1, calls=CALLS, first=0))
                sides.append((peer, server, request))
        for number in range(1, rounds + 1):
            for peer, server, request in shuffled(sides):
                order = Order(server.address, [request], CLIENTS, CALLS * 4, number * 1_000)
                peer.loads.append(load.put(order))


def _row(peer: Peer) -> list[str]:
    contender = peer.contender
    starts = contender.starts[_ERA]
    rate = statistics.median(one.rate for one in peer.loads) if peer.loads else None
    return [
        peer.name,
        *(str(timing(taken)) for taken in (starts.first_answer, starts.tools, starts.first_create)),
        str(timing(contender.creates)),
        f"{contender.memory / _MEGABYTE:.1f}",
        str(len(contender.tools)),
        f"{list_bytes(contender):,}",
        "" if rate is None else f"{rate:,.0f}",
    ]


def _backlog() -> Peer | None:
    """Return Backlog.md, which keeps each ticket in a file of its own; None without npm."""
    folder = _FOLDER / "npm"
    program = folder / "node_modules" / ".bin" / "backlog"
    install = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, BACKLOG]
    if not (program.exists() or _ran(install)):
        return None

    def prepare(store: Path) -> None:
        store.mkdir()
        init = [program, "init", PROJECT, "--defaults", "--integration-mode", "none", "--no-git"]
        subprocess.run(init, cwd=store, stdout=subprocess.DEVNULL, check=True)

    command = [str(program), "mcp", "start", "--cwd", "{store}"]
    return Peer(BACKLOG, Contender(command, tool="task_create"), prepare)


def _atlassian(jira: str) -> Peer | None:
    """Return mcp-atlassian before a Jira at this address; None where it can't be installed."""
    folder = _FOLDER / "pypi"
    program, pip = folder / "bin" / "mcp-atlassian", [folder / "bin" / "python", "-m", "pip"]
    if not program.exists():
        venv.create(folder, with_pip=True)
        if not _ran([*pip, "install", "--quiet", "--disable-pip-version-check", ATLASSIAN]):
            return None
    settings = {
        "JIRA_URL": jira,
        "JIRA_PERSONAL_TOKEN": "of nobody",
        "ALLOW_GLOBAL_CRED_FALLBACK": "true",  # or over HTTP each request would need its own token
        "TOOLSETS": "all",
        "FASTMCP_SHOW_SERVER_BANNER": "false",
        "FASTMCP_CHECK_FOR_UPDATES": "off",
    }
    contender = Contender(
        [str(program)],
        settings,
        tool="jira_create_issue",
        named=("summary", "description"),
        more={"project_key": PROJECT, "issue_type": "Bug"},
    )

    def serve(_: Path) -> Served:
        port = free_port()
        options = ["--transport", "streamable-http", "--host", "127.0.0.1", "--port", str(port)]
        return Served([str(program), *options], {**inherited(), **settings}, ROOT, port)

    return Peer(ATLASSIAN, contender, serve=serve)


def _ran(command: Sequence[str | Path]) -> bool:
    """Tell whether a command could be run and succeeded."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return False
    if ran.returncode:
        print(ran.stderr, file=sys.stderr)
    return ran.returncode == 0
