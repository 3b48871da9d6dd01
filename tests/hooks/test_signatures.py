"""Signatures made by another implementation than ours, and what is none."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from mcp_handoff.hooks.forges import FORGES
from mcp_handoff.merges import ForgeName
from tests.hooks.deliveries import FOLDER

SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
DIGEST = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""What GitHub's documentation says of this secret and this body."""

SIGNED: list[tuple[ForgeName, Mapping[str, str]]] = [
    ("github", {"x-hub-signature-256": f"sha256={DIGEST}"}),
    ("gitlab", {"x-gitlab-token": SECRET}),
    ("forgejo", {"x-forgejo-signature": DIGEST}),
    ("forgejo", {"x-gitea-signature": DIGEST}),
    ("forgejo", {"x-forgejo-signature": "", "x-gitea-signature": DIGEST}),
]

UNSIGNED: list[tuple[ForgeName, Mapping[str, str]]] = [
    ("github", {}),
    ("github", {"x-hub-signature-256": ""}),
    ("github", {"x-hub-signature-256": "sha256="}),
    ("github", {"x-hub-signature-256": DIGEST}),
    ("github", {"x-hub-signature-256": f"sha1={DIGEST}"}),
    ("github", {"x-hub-signature-256": f"sha256={DIGEST}\n"}),
    ("github", {"x-hub-signature-256": f"sha256={DIGEST.upper()}"}),
    ("github", {"x-hub-signature-256": f"sha256={DIGEST[:-1]}é"}),
    ("github", {"x-hub-signature-256": "sha256=" + "٣" * 64}),
    ("github", {"x-gitlab-token": SECRET, "x-gitea-signature": DIGEST}),
    ("gitlab", {}),
    ("gitlab", {"x-gitlab-token": ""}),
    ("gitlab", {"x-hub-signature-256": f"sha256={DIGEST}"}),
    ("forgejo", {}),
    ("forgejo", {"x-forgejo-signature": f"sha256={DIGEST}"}),
    ("forgejo", {"x-gitea-signature": ""}),
    ("forgejo", {"x-gitea-signature": "\udce9" * 64}),
    ("forgejo", {"x-hub-signature-256": f"sha256={DIGEST}"}),
]


def signature_of(body: bytes, secret: str) -> str:
    signing = HMAC(secret.encode(), SHA256())
    signing.update(body)
    return signing.finalize().hex()


@pytest.mark.parametrize(("forge", "headers"), SIGNED)
def test_a_signature_is_known(forge: ForgeName, headers: Mapping[str, str]) -> None:
    assert FORGES[forge].has_signature(headers)
    assert FORGES[forge].is_signed(headers, BODY, SECRET)


@pytest.mark.parametrize(("forge", "headers"), SIGNED)
@pytest.mark.parametrize("secret", ["it's a Secret to Everybody", f"{SECRET} ", "é", ""])
def test_another_secret_did_not_sign(
    forge: ForgeName, headers: Mapping[str, str], secret: str
) -> None:
    assert not FORGES[forge].is_signed(headers, BODY, secret)


@pytest.mark.parametrize(("forge", "headers"), SIGNED)
@pytest.mark.parametrize("body", [b"hello, World!", b"Hello, World!\n", b""])
def test_what_is_signed_is_every_byte_of_the_body(
    forge: ForgeName, headers: Mapping[str, str], body: bytes
) -> None:
    assert FORGES[forge].is_signed(headers, body, SECRET) is (forge == "gitlab")


@pytest.mark.parametrize(("forge", "headers"), UNSIGNED)
def test_what_has_not_the_form_of_a_signature_is_none(
    forge: ForgeName, headers: Mapping[str, str]
) -> None:
    assert not FORGES[forge].has_signature(headers)
    assert not FORGES[forge].is_signed(headers, BODY, SECRET)


@pytest.mark.parametrize("forge", ["github", "forgejo"])
def test_an_empty_secret_signs_nothing_though_its_digest_can_be_computed(forge: ForgeName) -> None:
    digest = signature_of(BODY, "")
    headers = {"x-hub-signature-256": f"sha256={digest}", "x-forgejo-signature": digest}
    assert FORGES[forge].has_signature(headers)
    assert not FORGES[forge].is_signed(headers, BODY, "")


@pytest.mark.parametrize(
    "told", ["é", "\udce9", "\x80", "Bearer", SECRET + "\x00", "x" * 1_000_000]
)
def test_a_wrong_token_of_any_characters_is_wrong(told: str) -> None:
    headers = {"x-gitlab-token": told}
    assert FORGES["gitlab"].has_signature(headers)
    assert not FORGES["gitlab"].is_signed(headers, BODY, SECRET)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.json")), ids=lambda path: path.stem)
def test_every_recorded_delivery_is_known_by_its_signature(path: Path) -> None:
    body, secret = path.read_bytes(), "schlüssel-der-werkstatt"
    digest = signature_of(body, secret)
    signed: dict[ForgeName, Mapping[str, str]] = {
        "github": {"x-hub-signature-256": f"sha256={digest}"},
        "forgejo": {"x-forgejo-signature": digest},
    }
    for forge, headers in signed.items():
        assert FORGES[forge].is_signed(headers, body, secret)
        assert not FORGES[forge].is_signed(headers, body + b" ", secret)
