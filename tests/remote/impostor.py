"""A host with a certificate that it made for itself."""

import ssl
from contextlib import suppress
from pathlib import Path
from socket import SHUT_RDWR, create_server, socket
from threading import Thread
from types import TracebackType
from typing import Self

from tests.certificates import certificate_of

HOST = "127.0.0.1"
_SECONDS = 10


class Impostor:
    """Listens while it is entered; `heard` is what each client said once TLS stood, b"" where it
    did not come to that."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[bytes] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate_of(HOST, folder))
        self._listening = create_server((HOST, 0))
        self._thread = Thread(target=self._accept, daemon=True)
        self.url = f"https://{HOST}:{self._listening.getsockname()[1]}/api"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._listening.shutdown(SHUT_RDWR)
        self._thread.join(_SECONDS)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.heard.append(self._hear(connection))

    def _hear(self, connection: socket) -> bytes:
        connection.settimeout(_SECONDS)
        with connection:
            try:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    return secured.recv(1000)
            except OSError:
                return b""
