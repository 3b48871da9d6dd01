"""A small OAuth issuer: an HTTP server with its metadata, its keys and the tokens that it signs."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

READ, WRITE = "handoff:read", "handoff:write"


class Issuer:
    """Runs while it is entered; `rotate` gives it a new key, `requests` is what was fetched."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._keys = [generate_private_key(SECP256R1())]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/realm"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rotate(self) -> None:
        self._keys.append(generate_private_key(SECP256R1()))

    def token(self, audience: str, *, scope: str = f"{READ} {WRITE}", **claims: Any) -> str:
        """Return a token for `audience`, signed with the newest key; `claims` override its own."""
        now = int(time.time())
        held = {
            "iss": self.url,
            "aud": audience,
            "sub": "ada",
            "iat": now,
            "exp": now + 300,
            "scope": scope,
            **claims,
        }
        head = {"kid": str(len(self._keys) - 1)}
        return jwt.encode(held, self._keys[-1], algorithm="ES256", headers=head)

    def _documents(self) -> dict[str, Any]:
        """Return what is served; where RFC 8414 looks first, there is nothing."""
        public = [ECAlgorithm.to_jwk(key.public_key(), as_dict=True) for key in self._keys]
        keys = [{**key, "kid": str(number), "alg": "ES256"} for number, key in enumerate(public)]
        return {
            "/realm/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/realm/keys": {"keys": keys},
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests.append(self.path)
                document = issuer._documents().get(self.path)
                self.send_response(200 if document else 404)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                """Say nothing."""

        return Handler
