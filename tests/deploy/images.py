"""The image of the Dockerfile without Docker: its steps, run where bubblewrap makes a folder the
root of a file system, with this machine's Python for that of the base image."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.deploy.programs import ROOT, installed

BUILD_SECONDS = 600
"""How long a step may take; most of it is what pip fetches."""

_SYSTEM = [
    path
    for name in ("bin", "etc", "lib", "lib32", "lib64", "run", "sbin", "usr")
    if (path := Path("/") / name).exists()
]
"""What of this machine stands for the base image."""

_LINKED = [path for path in _SYSTEM if path.is_symlink()]

_BOUND = [str(path) for path in _SYSTEM if path not in _LINKED]
if not sys.base_prefix.startswith("/usr"):
    _BOUND.append(sys.base_prefix)


class Image:
    """The last stage of a Dockerfile, built in a folder; what else it says by its instructions."""

    def __init__(self, folder: Path) -> None:
        self.environment: dict[str, str] = {}
        self.says: dict[str, str] = {}
        self._folder = folder
        self._stages: dict[str, Path] = {}
        self._directory = "/"
        for instruction, value in _instructions((ROOT / "Dockerfile").read_text()):
            self._follow(instruction, value)

    @property
    def root(self) -> Path:
        """Where its files lie."""
        return list(self._stages.values())[-1]

    def command(self, arguments: Sequence[str] = ()) -> list[str]:
        """Return what a container runs, given nothing or arguments."""
        default: list[str] = json.loads(self.says["CMD"])
        return [*json.loads(self.says["ENTRYPOINT"]), *(arguments or default)]

    def health_check(self) -> list[str]:
        return json.loads(self.says["HEALTHCHECK"].partition("CMD ")[2])

    def started(
        self, command: Sequence[str], data: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[str]:
        """Start a command as a container has it: as process 1, as who the image says, with no
        capability, on a read-only root with `data` as its volume."""
        user, _, group = self.says["USER"].partition(":")
        identity = f"--reuid={user} --regid={group} --clear-groups --no-new-privs --inh-caps=-all"
        return subprocess.Popen(
            [
                *self._sandbox("--ro-bind"),
                *("--bind", str(data), self.says["VOLUME"], "--tmpfs", "/tmp"),
                *("--unshare-pid", "--as-pid-1", "--die-with-parent"),
                *("setpriv", *identity.split(), "--bounding-set=-all", *command),
            ],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _follow(self, instruction: str, value: str) -> None:
        match instruction:
            case "FROM":
                name = value.partition(" AS ")[2]
                self._stages[name] = self._folder / (name or "image")
                self._directory, self.environment = "/", {"PATH": f"{sys.base_prefix}/bin:/usr/bin"}
                for path in ("/tmp", "/proc", "/dev", *_BOUND):
                    self._at(path).mkdir(parents=True)
                for path in _LINKED:
                    self._at(str(path)).symlink_to(path.readlink())
            case "WORKDIR":
                self._directory = value
                self._at(value).mkdir(parents=True)
            case "COPY":
                self._copy(*value.split())
            case "RUN":
                self._run(value)
            case "ENV":
                self.environment |= dict(word.split("=", 1) for word in shlex.split(value))
            case _:
                self.says[instruction] = value

    def _at(self, path: str) -> Path:
        return self.root / os.path.join(self._directory, path).lstrip("/")

    def _copy(self, *words: str) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            source, words = self._stages[words[0].removeprefix("--from=")], words[1:]
        *names, target = words
        for name in names:
            found, to = source / name.lstrip("/"), self._at(target)
            if found.is_dir():
                ignored = shutil.ignore_patterns("__pycache__") if source == ROOT else None
                shutil.copytree(found, to, symlinks=True, ignore=ignored)
            else:
                to.mkdir(parents=True, exist_ok=True)
                shutil.copy(found, to)

    def _run(self, script: str) -> None:
        done = subprocess.run(
            [*self._sandbox("--bind"), "--chdir", self._directory, "sh", "-ec", script],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _sandbox(self, bind: str) -> list[str]:
        system = (word for path in _BOUND for word in ("--ro-bind", path, path))
        own = ("--proc", "/proc", "--dev", "/dev")
        return [_bubblewrap(), bind, str(self.root), "/", *system, *own]


def process_in(sandbox: subprocess.Popen[Any]) -> psutil.Process:
    """Return the process that a sandbox was started for."""
    [process] = psutil.Process(sandbox.pid).children()
    return process


def _bubblewrap() -> str:
    if os.geteuid() != 0:
        told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told("only root may run programs as somebody else")
    return installed("bwrap")


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return re.findall(r"^(\w+) (.+)$", joined, re.MULTILINE)
