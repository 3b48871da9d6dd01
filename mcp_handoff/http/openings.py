"""What a server may be opened to while it asks nobody for a token."""

from collections.abc import Iterator, Sequence

from mcp_handoff.addresses import is_loopback, split_address
from mcp_handoff.config import Settings
from mcp_handoff.errors import Misconfigured


def require_seclusion(
    settings: Settings, host: str, hosts: Sequence[str], origins: Sequence[str], first_step: str
) -> None:
    """Refuse what lets in others than callers on this machine (Misconfigured)."""
    for opening in _openings(settings, host, hosts, origins):
        raise Misconfigured(
            f"{opening} is for callers from elsewhere, and there is no token yet. First"
            f" {first_step}"
        )


def require_loopback(settings: Settings, host: str) -> None:
    """Refuse --no-auth beside an issuer, or where it would open more than a port of this machine
    (Misconfigured)."""
    if settings.oauth_issuer:
        raise Misconfigured("--no-auth and HANDOFF_OAUTH_ISSUER contradict each other; take one.")
    if not is_loopback(host):
        raise Misconfigured(
            f"{host} can be reached from elsewhere; with --no-auth only a proxy on this machine may"
            " let others in. Leave out one of --no-auth and --host."
        )


def _openings(
    settings: Settings, host: str, hosts: Sequence[str], origins: Sequence[str]
) -> Iterator[str]:
    if not is_loopback(host):
        yield f"--host {host}"
    for name in hosts:
        if not is_loopback(split_address(f"//{name.removesuffix(':*')}").hostname):
            yield f"--allow-host {name}"
    for origin in origins:
        if not is_loopback(split_address(origin.removesuffix(":*")).hostname):
            yield f"--allow-origin {origin}"
    if settings.public_url and not is_loopback(split_address(settings.public_url).hostname):
        yield "HANDOFF_PUBLIC_URL"
    if settings.trusted_proxies:
        yield "HANDOFF_TRUSTED_PROXIES"
