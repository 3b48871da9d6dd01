"""PgBouncer before a PostgreSQL cluster, started from the system's binary."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest

from tests.clusters import free_port, owner

PoolMode = Literal["session", "transaction"]

SECONDS = 60

_PATH = f"{os.defpath}:/usr/sbin:/usr/local/sbin"


@contextmanager
def pgbouncer(url: str, mode: PoolMode, size: int = 20) -> Generator[str]:
    """Start a PgBouncer of so many connections before a database; yield the URL by way of it."""
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path=_PATH)
    if binary is None:
        told = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        told("PgBouncer is not installed")
    place, port, (user, group) = urlsplit(url), free_port(), owner()
    with tempfile.TemporaryDirectory(prefix="handoff-pgbouncer-") as directory:
        settings = Path(directory) / "pgbouncer.ini"
        settings.write_text(
            "[databases]\n"
            f"* = host={place.hostname} port={place.port}"
            f" user={place.username} password={place.password}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\n"
        )
        for path in (Path(directory), settings):
            os.chown(path, user, group)
        process = subprocess.Popen(
            [binary, "-q", settings],
            user=user if os.geteuid() == 0 else None,
            group=group if os.geteuid() == 0 else None,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await_listening(port, process)
            yield f"postgresql://{place.username}@127.0.0.1:{port}{place.path}"
        finally:
            process.kill()
            process.wait()


def _await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), SECONDS).close()
        except ConnectionRefusedError:
            continue
        return
    pytest.fail("PgBouncer did not start")
