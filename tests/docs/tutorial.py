"""A page of the docs, read as whoever follows it does: command by command."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self

from tests.mcp.wire import bounded

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
_ENDED = "--- this block has ended: "


class Block(NamedTuple):
    """A block of code: commands (`sh`, with the terminal as its title), a call that an agent makes
    (`json`, with the tool as its title), or what either of them shows (`text`)."""

    language: str
    title: str
    text: str

    def is_done(self) -> bool:
        """Tell whether there is something to do: an entry for a settings file has no title."""
        return self.language == "sh" or (self.language == "json" and bool(self.title))


class Terminal:
    """A shell that is typed into, block by block."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, commands: str) -> str:
        """Return what commands show once all have ended; AssertionError where one failed."""
        self._type(f'{commands}\necho "{_ENDED}$?"\n')
        return self._read_until(lambda shown: _ENDED in shown).partition(_ENDED)[0]

    def start(self, command: str, told: re.Pattern[str]) -> None:
        """Start what does not end, and wait until it tells this."""
        self._type(command)
        self._read_until(lambda shown: bool(told.search(shown)))

    def close(self) -> None:
        """End the shell, and what runs in it."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _type(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def _read_until(self, is_all: Callable[[str], bool]) -> str:
        assert self._process.stdout is not None
        shown = ""
        with bounded(self._process):
            while not is_all(shown):
                line = self._process.stdout.readline()
                assert line, f"The shell has ended. It showed:\n{shown}"
                shown += line
        return shown


class Tutorial:
    """A page that is being followed in a fresh directory with a fresh home.

    Its agents' calls go to `agent`, which returns the text of their answers. Where the page says
    8484, the server listens at `port`; other ports that it names are changed as `ports` says.
    """

    def __init__(
        self,
        page: Path,
        folder: Path,
        environment: Mapping[str, str],
        *,
        port: int,
        agent: Callable[[str, str], str],
        ports: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._text = self._at_port(page.read_text("utf-8"), port)
        for named, free in ports.items():
            self._text = self._text.replace(named, str(free))
        self._folder, self._agent = folder, agent
        home = {"HOME": str(folder), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        home["BASH_ENV"] = str(folder / ".profile")  # read by each new terminal
        self._environment = {**home, **environment}
        self._terminals: dict[str, Terminal] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        for terminal in self._terminals.values():
            terminal.close()

    def follow(self, *, until: str | None = None) -> None:
        """Do what stands before this heading, or all that is left, and compare what is shown."""
        before, _, self._text = self._text.partition(f"\n## {until}\n" if until else "\0")
        blocks = [Block(*found.groups("")) for found in _BLOCK.finditer(before)]
        for block, following in zip(blocks, [*blocks[1:], Block("", "", "")], strict=True):
            if block.is_done():
                self._do(block, following.text if following.language == "text" else None)

    def _do(self, block: Block, expected: str | None) -> None:
        if block.language == "json":
            shown = self._agent(block.title, block.text)
        elif block.title:
            assert expected, "What runs in another terminal has to tell that it is there."
            self.terminal(block.title).start(block.text, _pattern(expected))
            return
        else:
            shown = self.terminal("").run(block.text)
        if expected is not None:
            told = f"The page says that this shows\n{expected}\nand it shows\n{shown}"
            assert _pattern(expected).fullmatch(f"{shown.rstrip()}\n"), told

    def terminal(self, name: str) -> Terminal:
        """Return the terminal of this name; it is opened when it is first asked for."""
        if name not in self._terminals:
            self._terminals[name] = Terminal(self._folder, self._environment)
        return self._terminals[name]

    @staticmethod
    def _at_port(text: str, port: int) -> str:
        """Return the page for a port that is free: its own may not be."""
        return text.replace("mcp-handoff serve\n", f"mcp-handoff serve --port {port}\n").replace(
            "8484", str(port)
        )


def _pattern(expected: str) -> re.Pattern[str]:
    """Return what is shown as a pattern: … stands for the rest of a line or a part of it, and on a
    line of its own for any number of lines."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(lines))
