"""A small OAuth issuer: an HTTP server with its metadata, its keys and the tokens that it signs."""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

READ, WRITE = "handoff:read", "handoff:write"

SigningKey = EllipticCurvePrivateKey | RSAPrivateKey


class Issuer:
    """Runs while it is entered; `rotate` gives it a new key, `requests` is what was fetched.

    It answers nobody while `hold` is entered. `published`, where it is set, stands where its keys
    would.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.published: bytes | None = None
        self._answers = Event()
        self._answers.set()
        self._keys: list[SigningKey] = [generate_private_key(SECP256R1())]
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
        self._answers.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def hold(self) -> Generator[None]:
        self._answers.clear()
        yield
        self._answers.set()

    def rotate(self, key: SigningKey | None = None) -> None:
        self._keys.append(key or generate_private_key(SECP256R1()))

    def token(
        self,
        audience: str,
        *,
        scope: str = f"{READ} {WRITE}",
        head: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Return a token for `audience`, signed with the newest key; `head` and `claims` override
        its own."""
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
        headers = {"kid": str(len(self._keys) - 1), **(head or {})}
        return jwt.encode(
            held, self._keys[-1], algorithm=_public(self._keys[-1])["alg"], headers=headers
        )

    def keys(self) -> list[dict[str, Any]]:
        """Return its public keys as it publishes them."""
        return [{**_public(key), "kid": str(number)} for number, key in enumerate(self._keys)]

    def _documents(self) -> dict[str, bytes]:
        """Return what is served; where RFC 8414 looks first, there is nothing."""
        metadata = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        keys = json.dumps({"keys": self.keys()}).encode()
        return {
            "/realm/.well-known/openid-configuration": json.dumps(metadata).encode(),
            "/realm/keys": self.published if self.published is not None else keys,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests.append(self.path)
                issuer._answers.wait()
                document = issuer._documents().get(self.path)
                with suppress(ConnectionError):  # whoever asked may have given up waiting
                    self.send_response(404 if document is None else 200)
                    self.end_headers()
                    self.wfile.write(document or b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                """Say nothing."""

        return Handler


def _public(key: SigningKey) -> dict[str, Any]:
    if isinstance(key, RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "RS256"}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "ES256"}
