"""To whom a server is opened, and what it may be opened to while it asks nobody for a token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcp_handoff.addresses import is_loopback, split_address
from mcp_handoff.config import Settings
from mcp_handoff.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a server listens, by which names it is reached and whose pages may call it from a
    browser beside its own, and whether it asks nobody for credentials."""

    host: str
    port: int
    names: Sequence[str] = ()
    origins: Sequence[str] = ()
    no_auth: bool = False


def require_seclusion(settings: Settings, opening: Opening, first_step: str) -> None:
    """Refuse what lets in others than callers on this machine (Misconfigured)."""
    for leads_out in _leading_out(settings, opening):
        raise Misconfigured(
            f"{leads_out} is for callers from elsewhere, and there is no token yet. First"
            f" {first_step}"
        )


def require_loopback(settings: Settings, opening: Opening) -> None:
    """Refuse --no-auth beside an issuer, or where it would open more than a port of this machine
    (Misconfigured)."""
    if settings.oauth_issuer:
        raise Misconfigured("--no-auth and HANDOFF_OAUTH_ISSUER contradict each other; take one.")
    if not is_loopback(opening.host):
        raise Misconfigured(
            f"{opening.host} can be reached from elsewhere; with --no-auth only a proxy on this"
            " machine may let others in. Leave out one of --no-auth and --host."
        )


def _leading_out(settings: Settings, opening: Opening) -> Iterator[str]:
    if not is_loopback(opening.host):
        yield f"--host {opening.host}"
    for name in opening.names:
        if not is_loopback(split_address(f"//{name.removesuffix(':*')}").hostname):
            yield f"--allow-host {name}"
    for origin in opening.origins:
        if not is_loopback(split_address(origin.removesuffix(":*")).hostname):
            yield f"--allow-origin {origin}"
    if settings.public_url and not is_loopback(split_address(settings.public_url).hostname):
        yield "HANDOFF_PUBLIC_URL"
    if settings.trusted_proxies:
        yield "HANDOFF_TRUSTED_PROXIES"
