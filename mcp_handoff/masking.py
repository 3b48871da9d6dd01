"""Tokens and keys that someone pasted: recognised by their published shapes and masked.

The shapes are those that the issuers document so that scanners can find them (GitHub, GitLab,
Slack, AWS, Google, Stripe, npm, PyPI, OpenAI, Anthropic, Standard Webhooks, RFC 7519, RFC 7468).
"""

import re
from collections.abc import Mapping
from typing import Any

from mcp_handoff.text import mapped_texts

_SHAPES: dict[str, str] = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    "mcp-handoff token": r"\bmho_[0-9a-f]{32}_[A-Za-z0-9_-]{20,}",
    "GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{20,255}\b|\bgithub_pat_[A-Za-z0-9_]{20,255}\b",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
    "Stripe key": r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "PyPI token": r"\bpypi-[A-Za-z0-9_-]{50,}",
    "API key": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}",
    "webhook secret": r"\bwhsec_[A-Za-z0-9+/=]{16,}",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "bearer token": r"(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{20,}=*",
    "password in a URL": r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)",
}
_NAMES = list(_SHAPES)
_ANY = re.compile("|".join(f"({shape})" for shape in _SHAPES.values()), re.DOTALL)


def mask(text: str) -> str:
    """Return `text` with every recognised secret replaced by `[masked: what it was]`."""
    return _ANY.sub(lambda found: f"[masked: {_NAMES[(found.lastindex or 1) - 1]}]", text)


def masked_json(value: Any) -> Any:
    """Apply `mask` to every text in a JSON value, keys included."""
    return mapped_texts(value, mask)


def masked_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str] | None]:
    """Return the fields with their secrets masked, and the names of those that held one."""
    masked = {name: masked_json(value) for name, value in fields.items()}
    changed = [name for name, value in masked.items() if value != fields[name]]
    return masked, changed or None
