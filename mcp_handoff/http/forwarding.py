"""Whether a request was forwarded, and by whom."""

from starlette.datastructures import Headers
from starlette.types import Scope

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


def is_forwarded(scope: Scope) -> bool:
    """Tell whether a request shows that a proxy passed it on: by a header, or by HTTP/1.0, which
    nginx speaks to what is behind it unless it is told otherwise, and no client of ours does.

    A proxy that hides itself can't be told from a caller on this machine.
    """
    names = Headers(scope=scope).keys()
    return scope["http_version"] == "1.0" or any(
        name in _NAMES or name.startswith(_PREFIXES) for name in names
    )
