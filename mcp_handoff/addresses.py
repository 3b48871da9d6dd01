"""Addresses: which are of this machine alone, which public, and which a secret may be sent to."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


@lru_cache(maxsize=1_024)
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


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public Internet (RFC 6890, RFC 4291, section 2.4); one
    that leads to an IPv4 address (6to4, RFC 3056; NAT64, RFC 6052) is what that is."""
    if isinstance(address, IPv6Address):
        leads_to = IPv4Address(address.packed[-4:]) if address in _NAT64 else address.sixtofour
        if leads_to is None:
            return address in _GLOBAL_UNICAST and address.is_global
        address = leads_to
    return address.is_global and not address.is_multicast


def may_be_told(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether webhooks are sent to an address: a public one, or one of these networks."""
    return is_public(address) or any(address in network for network in networks)


def is_loopback(host: str | None) -> bool:
    """Tell whether a host is this machine alone: localhost, 127.0.0.0/8 or ::1 (RFC 6890)."""
    address = ip_address_of(host or "")
    return host == "localhost" or (address is not None and address.is_loopback)


def is_unspecified(host: str) -> bool:
    """Tell whether a host is 0.0.0.0 or ::, which stand for all addresses of a machine."""
    address = ip_address_of(host)
    return address is not None and address.is_unspecified


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


def server_of(address: str) -> str:
    """Return an address without its path and query, which may hold a key."""
    parts = split_address(address)
    return f"{parts.scheme}://{parts.netloc}"


def split_address(address: str) -> SplitResult:
    """Return the parts of an address, all empty when it is none."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # or a wrong one would be found where it is used
    except ValueError:
        return urlsplit("")
    return parts
