"""Addresses: which are of this machine alone, and which a secret may be sent to."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def ip_address_of(text: str) -> Address | None:
    """Return the IP address that a text is, None when it is none; an IPv4 address that is written
    as an IPv6 one (RFC 4291, section 2.5.5.2) is itself."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def subnet_of(host: str) -> str:
    """Return what one client has for itself, of the address that it calls from: all of it, of IPv6
    the first 64 bits (RFC 4291, section 2.5.4)."""
    address = ip_address_of(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address.packed, 64), strict=False))
    return host


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine alone: localhost, 127.0.0.0/8 or ::1 (RFC 6890)."""
    address = ip_address_of(host or "")
    return host == "localhost" or (address is not None and address.is_loopback)


def is_secure(address: str) -> bool:
    """Tell whether an address is https://, or http:// on this machine, and holds no password."""
    parts = split_address(address)
    named = bool(parts.hostname) and not parts.username and not parts.password
    local = parts.scheme == "http" and is_loopback(parts.hostname)
    return named and (local or parts.scheme == "https")


def origin_of(address: str) -> tuple[str, str | None, int | None]:
    """Return what tells one host from another (RFC 6454, section 4)."""
    parts = split_address(address)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def split_address(address: str) -> SplitResult:
    """Return the parts of an address, all empty when it is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # or a wrong one would be found where it is used
    except ValueError:
        return urlsplit("")
    return parts
