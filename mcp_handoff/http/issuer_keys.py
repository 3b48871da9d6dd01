"""The keys that an OAuth issuer signs with (RFC 7517)."""

from collections.abc import Mapping
from typing import Any, cast

import jwt

Keys = Mapping[str | None, jwt.PyJWK]
"""Keys by their ids; one may have none."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Signatures that only the issuer can make: none with a shared key, and never `none`."""


def usable_keys(document: Mapping[str, Any]) -> Keys:
    """Return the keys of an issuer's document that signatures can be checked with.

    Raises ValueError or PyJWTError for a document that is not what it should be.
    """
    listed: object = document.get("keys")
    if not isinstance(listed, list):
        raise ValueError("its document lists no keys")
    signing = [key for key in cast(list[object], listed) if _is_for_signatures(key)]
    usable = {
        key.key_id: key
        for key in jwt.PyJWKSet.from_dict({"keys": signing}).keys
        if key.algorithm_name in ALGORITHMS and key.Algorithm.check_key_length(key.key) is None
    }
    if not usable:
        raise ValueError("its keys are too short, or for other algorithms")
    return usable


def _is_for_signatures(key: object) -> bool:
    """Tell whether an entry is a key to check signatures with, and one that a token can name (RFC
    7517, section 4)."""
    if not isinstance(key, dict):
        return False
    key = cast(dict[str, object], key)
    operations = key.get("key_ops", ["verify"])
    return (
        isinstance(key.get("kid"), str | None)
        and key.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and key.get("alg") in (None, *ALGORITHMS)
    )
