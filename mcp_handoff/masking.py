"""Tokens and keys that someone pasted: recognised by their published shapes and masked.

The shapes are those that the issuers document so that scanners can find them (GitHub, GitLab,
Slack, AWS, Google, Stripe, npm, PyPI, OpenAI, Anthropic, Standard Webhooks, RFC 7519, RFC 7468).
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from mcp_handoff.text import mapped_texts

_SHAPES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "private key": (
        ("private key-----",),
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    ),
    "mcp-handoff token": (("mho_",), r"\bmho_[0-9a-f]{32}_[A-Za-z0-9_-]{20,}"),
    "report token": (("mhr_",), r"\bmhr_[A-Za-z0-9_-]{43}"),
    "GitHub token": (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"\bgh[pousr]_[A-Za-z0-9]{20,255}\b|\bgithub_pat_[A-Za-z0-9_]{20,255}\b",
    ),
    "GitLab token": (("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "Slack token": (("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    "AWS access key": (("akia", "asia"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "Google API key": (("aiza",), r"\bAIza[0-9A-Za-z_-]{35}"),
    "Stripe key": (("k_live_", "k_test_"), r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    "npm token": (("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    "PyPI token": (("pypi-",), r"\bpypi-[A-Za-z0-9_-]{50,}"),
    "API key": (("sk-",), r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}"),
    "webhook secret": (("whsec_",), r"\bwhsec_[A-Za-z0-9+/=]{16,}"),
    "JSON web token": (
        ("eyj",),
        r"\beyJ[A-Za-z0-9_-]{8,4000}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}",
    ),
    "bearer token": (("bearer",), r"(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{20,}=*"),
    "password in a URL": (("://",), r"(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"),
}
"""Of each kind the signs, in lower case, one of which it always holds, and its whole shape."""


def mask(text: str) -> str:
    """Return `text` with every recognised secret replaced by `[masked: what it was]`."""
    lowered = text.lower()
    kinds = tuple(
        kind for kind, (signs, _) in _SHAPES.items() if any(sign in lowered for sign in signs)
    )
    if not kinds:
        return text
    return _any_of(kinds).sub(lambda found: f"[masked: {kinds[(found.lastindex or 1) - 1]}]", text)


@cache
def _any_of(kinds: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"({_SHAPES[kind][1]})" for kind in kinds), re.DOTALL)


def masked_json(value: Any) -> Any:
    """Apply `mask` to every text in a JSON value, keys included."""
    return mapped_texts(value, mask)


def masked_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str] | None]:
    """Return the fields with their secrets masked, and the names of those that held one."""
    masked = {name: masked_json(value) for name, value in fields.items()}
    changed = [name for name, value in masked.items() if value != fields[name]]
    return masked, changed or None
