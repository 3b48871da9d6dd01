"""Whether whoever sent a body knows the secret, found out in constant time."""

import hashlib
import hmac
import re

_HEXADECIMAL = re.compile("[0-9a-f]{64}")


def is_digest(told: str) -> bool:
    """Return whether this reads as an HMAC-SHA256 in hexadecimal."""
    return _HEXADECIMAL.fullmatch(told) is not None


def is_digest_of(told: str, body: bytes, secret: str) -> bool:
    """Return whether this is the HMAC-SHA256 of a body under a secret."""
    return bool(secret) and is_secret(
        told, hmac.digest(secret.encode(), body, hashlib.sha256).hex()
    )


def is_secret(told: str, secret: str) -> bool:
    """Return whether this is the secret, which an empty one never is."""
    return bool(secret) and hmac.compare_digest(_bytes(told), _bytes(secret))


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
