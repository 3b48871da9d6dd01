"""A small OAuth issuer: an HTTP server with its metadata, its keys and the tokens that it signs."""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer answers: a document, or the address where a browser goes on."""

    status: int
    body: bytes = b""
    location: str = ""


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

    def metadata(self) -> dict[str, Any]:
        return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}

    def answer(self, target: str, headers: Message, body: str) -> Answer:
        """Return what is served at an address; where RFC 8414 looks first, there is nothing."""
        match target:
            case "/realm/.well-known/openid-configuration":
                return Answer(200, json.dumps(self.metadata()).encode())
            case "/realm/keys":
                keys = json.dumps({"keys": self.keys()}).encode()
                return Answer(200, keys if self.published is None else self.published)
            case _:
                return Answer(404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests.append(self.path)
                issuer._answers.wait()
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                answer = issuer.answer(self.path, self.headers, body.decode())
                with suppress(ConnectionError):  # whoever asked may have given up waiting
                    self.send_response(answer.status)
                    if answer.location:
                        self.send_header("Location", answer.location)
                    self.end_headers()
                    self.wfile.write(answer.body)

            do_POST = do_GET  # noqa: N815 - the base's name

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                """Say nothing."""

        return Handler


def _public(key: SigningKey) -> dict[str, Any]:
    if isinstance(key, RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "RS256"}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "ES256"}
