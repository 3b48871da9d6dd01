"""Whether a request was forwarded, and for whom."""

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from mcp_handoff.addresses import Network, ip_address_of
from mcp_handoff.admission import admission_of

_NAMES = frozenset(
    {
        "cdn-loop",
        "client-ip",
        "forwarded",
        "true-client-ip",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-real-ip",
    }
)
_PREFIXES = ("cf-", "fastly-", "fly-", "x-envoy-", "x-forwarded", "x-original-")
"""What proxies, balancers and delivery networks add (RFC 7239; RFC 9110, section 7.6.3)."""

_FOR = re.compile(r"""(?:^|;)\s*for\s*=\s*"?([^";]*)""", re.IGNORECASE)

_PROTO = re.compile(r"""(?:^|;)\s*proto\s*=\s*"?([^";]*)""", re.IGNORECASE)


def is_forwarded(scope: Scope) -> bool:
    """Tell whether a request shows that a proxy passed it on: by a header, or by HTTP/1.0, which
    nginx speaks to what is behind it unless it is told otherwise, and no client of ours does.

    A proxy that hides itself can't be told from a caller on this machine.
    """
    names = Headers(scope=scope).keys()
    return scope["http_version"] == "1.0" or any(
        name in _NAMES or name.startswith(_PREFIXES) for name in names
    )


class Clients:
    """Finds out the address that a request comes from, and whether it came over TLS, which a proxy
    ended.

    What proxies say of it counts when it is one of `trusted` that says so.
    """

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted

    def find(self, scope: Scope, headers: Headers) -> None:
        """Note a request's `Admission.client`, and in its scope the `scheme` of its client."""
        peer: tuple[str, int] | None = scope.get("client")
        if peer is None:
            return
        host = str(ip_address_of(peer[0]) or peer[0])
        if not self._is_trusted(host):
            admission_of(scope).client = host
            return
        admission_of(scope).client = self._client(host, headers)
        if _came_over_tls(headers):
            scope["scheme"] = "https"

    def _client(self, peer: str, headers: Headers) -> str:
        """Return the first address, through trusted proxies, that is none of theirs.

        A client can send the header that its proxy does not write: where both are there and
        disagree, neither counts.
        """
        elements = ",".join(headers.getlist("forwarded")).split(",")
        named = [_FOR.search(element) for element in elements]
        told = (
            ",".join(headers.getlist("x-forwarded-for")).split(","),
            [match.group(1) if match else "" for match in named],
        )
        found = {self._nearest(peer, hosts) for hosts in told if any(hosts)}
        return found.pop() if len(found) == 1 else peer

    def _nearest(self, peer: str, hosts: Sequence[str]) -> str:
        """Return the last of `hosts` that is no trusted proxy, as far as they are addresses."""
        nearest = peer
        for host in reversed(hosts):
            address = ip_address_of(_without_port(host))
            if address is None:
                break
            nearest = str(address)
            if not self._is_trusted(nearest):
                break
        return nearest

    def _is_trusted(self, host: str) -> bool:
        address = ip_address_of(host)
        return address is not None and any(address in network for network in self._trusted)


def _came_over_tls(headers: Headers) -> bool:
    """Tell whether proxies say that their client spoke TLS; if it lies to them, it changes what it
    is told itself and nothing else."""
    named = _PROTO.search(headers.get("forwarded", "").partition(",")[0])
    told = headers.get("x-forwarded-proto", named.group(1) if named else "")
    return told.partition(",")[0].strip().lower() == "https"


def _without_port(node: str) -> str:
    """Return the host of a node (RFC 7239, section 6), which has a port or none."""
    host = node.strip()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
