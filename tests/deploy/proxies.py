"""nginx and Caddy before a desk, as `deploy/` sets them up, from the system's programs."""

import os
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.certificates import certificate_of
from tests.clusters import free_port
from tests.deploy.programs import DEPLOY, installed, replaced
from tests.http.served import soon
from tests.mcp.wire import TIMEOUT, bounded

HOST = "desk.example"
"""What the desk is called in `deploy/`; here it is a name of this machine."""


@dataclass(frozen=True, slots=True)
class Front:
    """A running proxy: where it speaks TLS and where it does not, and whom to trust for its
    certificate."""

    url: str
    plain_url: str
    authority: Path


@contextmanager
def nginx(desk: str, folder: Path) -> Generator[Front]:
    """Start nginx before the desk at this address."""
    port, plain_port = free_port(), free_port()
    certificate = certificate_of(HOST, folder)
    site = replaced(
        (DEPLOY / "nginx.conf").read_text(),
        {
            "127.0.0.1:8484": urlsplit(desk).netloc,
            "443 ssl": f"{port} ssl",
            "listen 80;": f"listen {plain_port};",
            "[::]:80;": f"[::]:{plain_port};",
            f"/etc/letsencrypt/live/{HOST}/fullchain.pem": str(certificate),
            f"/etc/letsencrypt/live/{HOST}/privkey.pem": str(certificate),
        },
    )
    (folder / "site.conf").write_text(site)
    kept = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (folder / "nginx.conf").write_text(
        f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {folder}/pid;\n"
        "events {} http { access_log off;"
        f" {' '.join(f'{name}_temp_path {folder}/{name};' for name in kept)}"
        f" include {folder}/site.conf; }}\n"
    )
    command = [installed("nginx"), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with _running(command, {}, Front(_at(port), _at(plain_port, "http"), certificate)) as front:
        yield front


@contextmanager
def caddy(desk: str, folder: Path) -> Generator[Front]:
    """Start Caddy before the desk at this address, with an authority of its own; it would wait for
    streams without an end."""
    port, plain_port = free_port(), free_port()
    settings = folder / "Caddyfile"
    options = (
        f"admin off\n\thttps_port {port}\n\thttp_port {plain_port}\n\tlocal_certs\n"
        "\tskip_install_trust"
    )
    settings.write_text(replaced((DEPLOY / "Caddyfile").read_text(), {"grace_period 10s": options}))
    environment = {
        "DESK_HOST": HOST,
        "DESK_ADDRESS": urlsplit(desk).netloc,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    command = [installed("caddy"), "run", "--adapter", "caddyfile", "--config", str(settings)]
    authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    with _running(
        command, environment, Front(_at(port), _at(plain_port, "http"), authority)
    ) as front:
        yield front


def _at(port: int, scheme: str = "https") -> str:
    return f"{scheme}://{HOST}:{port}"


@contextmanager
def _running(command: list[str], environment: Mapping[str, str], front: Front) -> Generator[Front]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    def serves() -> bool:
        if process.poll() is not None:
            pytest.fail(process.communicate()[1])
        try:
            return httpx2.get(f"{front.url}/healthz", timeout=TIMEOUT).status_code == 200
        except (httpx2.TransportError, OSError):
            return False

    try:
        with _known(front):
            assert soon(serves, TIMEOUT)
            yield front
    finally:
        process.terminate()
        with bounded(process):
            process.communicate()
    assert process.returncode == 0, "a stream that its client has left held it up"


@contextmanager
def _known(front: Front) -> Generator[None]:
    """Make the desk's name one of this machine, and its certificate's authority trusted."""
    look_up = socket.getaddrinfo

    def find(host: Any, *others: Any, **named: Any) -> Any:
        is_desk = host in (HOST, HOST.encode())
        return look_up("127.0.0.1" if is_desk else host, *others, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", find)
        patch.setenv("SSL_CERT_FILE", str(front.authority))
        yield
