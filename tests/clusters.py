"""Throw-away PostgreSQL clusters, started from the system's binaries."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from glob import glob
from pathlib import Path

import psutil
import psycopg

PASSWORD = "s3cret-0f-the-tests"
USER = "handoff"
SECONDS = 60


@cache
def binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl, None where PostgreSQL is not installed."""
    config = shutil.which("pg_config")
    told = subprocess.check_output([config, "--bindir"], text=True).strip() if config else ""
    folders = [told, *os.get_exec_path(), *sorted(glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    found = (shutil.which("initdb", path=folder) for folder in folders if folder)
    return next((Path(initdb).resolve().parent for initdb in found if initdb), None)


class Cluster:
    """A running cluster that listens on loopback and asks for a password."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._port = free_port()
        secret = directory / "password"
        secret.write_text(PASSWORD)
        for path in (directory, secret):
            os.chown(path, *owner())
        _run("initdb", "-D", self._data, "-U", USER, "--pwfile", secret, *_INIT)
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self._port}/postgres"

    @property
    def processes(self) -> list[psutil.Process]:
        """Those that run now, one for each connection among them."""
        postmaster = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        return [postmaster, *postmaster.children()]

    @property
    def log(self) -> Path:
        return self._data.parent / "log"

    def start(self) -> None:
        self._control("start")

    def restart(self) -> None:
        """Restart as after a crash."""
        self._control("restart", "-m", "immediate")

    def stop(self) -> None:
        self._control("stop", "-m", "immediate")

    @contextmanager
    def statements(self) -> Generator[Iterator[str]]:
        """Yield the statements that are run from now on, by whomever, as they come."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("SELECT pg_reload_conf()")
        tail = ["tail", "-n", "0", "-F", self.log]
        with subprocess.Popen(tail, stdout=subprocess.PIPE, text=True) as following:
            try:
                assert following.stdout is not None
                yield (line for line in following.stdout if _STATEMENT.search(line))
            finally:
                following.kill()

    @contextmanager
    def suspended(self) -> Generator[None]:
        """Keep every process of the cluster from running, with its connections open."""
        processes = self.processes
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def _control(self, action: str, *arguments: str) -> None:
        options = f"-p {self._port} {_OPTIONS}"
        _run("pg_ctl", action, *arguments, "-w", "-D", self._data, "-l", self.log, "-o", options)


@contextmanager
def cluster() -> Generator[Cluster]:
    """Start a cluster; stop and remove it when the block ends."""
    with tempfile.TemporaryDirectory(prefix="handoff-postgres-") as directory:
        started = Cluster(Path(directory))
        try:
            yield started
        finally:
            started.stop()


_STATEMENT = re.compile(r"LOG:  (statement|execute [^:]*): ")
_INIT = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
_OPTIONS = (
    "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300"
    " -c shared_buffers=32MB"
)


def _run(program: str, *arguments: str | Path) -> None:
    folder = binaries()
    assert folder is not None
    user, group = owner()
    done = subprocess.run(
        [folder / program, *arguments],
        user=user if os.geteuid() == 0 else None,
        group=group if os.geteuid() == 0 else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=SECONDS,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def owner() -> tuple[int, int]:
    """Return whom the cluster belongs to: PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    someone = pwd.getpwnam("nobody")
    return someone.pw_uid, someone.pw_gid


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]
