"""A receiver over TLS."""

import ssl
from pathlib import Path

from tests.dispatch.receiver import Answer, Receiver


class SecureReceiver(Receiver):
    """Has a certificate and listens at 127.0.0.1, whatever its `host` is called."""

    def __init__(self, certificate: Path, *answers: Answer, host: str = "localhost") -> None:
        super().__init__(*answers)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate)
        self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://{host}:{self._server.server_port}/hook"
