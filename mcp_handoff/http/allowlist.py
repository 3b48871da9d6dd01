"""For which Hosts, and from which Origins, requests are served."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers

from mcp_handoff.addresses import split_address
from mcp_handoff.errors import Forbidden
from mcp_handoff.http.operation import HEALTH_PATH
from mcp_handoff.text.characters import shortened, visible
from mcp_handoff.text.masking import mask


@dataclass(frozen=True, slots=True)
class Allowlist:
    """The Host and Origin headers that are served; `name:*` stands for any port."""

    hosts: Sequence[str]
    origins: Sequence[str]

    def require(self, path: str, headers: Headers) -> None:
        """Raise Forbidden for a request to a Host or from an Origin that is not served. /healthz is
        for whoever reaches it, under whatever name."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if path == HEALTH_PATH:
            return
        if not self.allows_host(host):
            raise Forbidden(
                f"This Host is not served here: {_shown(host)}; --host and --allow-host name those"
                " that are."
            )
        if not self.allows_origin(origin, host):
            raise Forbidden(
                f"This Origin may not call: {_shown(origin or '')}; --allow-origin names those that"
                " may."
            )

    def allows_host(self, value: str) -> bool:
        return _matches(value.lower(), self.hosts)

    def allows_origin(self, value: str | None, host: str) -> bool:
        """Tell whether a page of this origin may call: of our own, at an allowed Host, any may."""
        if value is None or split_address(value).netloc == host.lower():
            return True
        return _matches(value.lower(), self.origins)


def _shown(value: str) -> str:
    return shortened(visible(mask(value)), 100) or "none was named"


def _matches(value: str, patterns: Sequence[str]) -> bool:
    bare, _, port = value.rpartition(":")
    any_port = f"{bare}:*" if port.isdigit() else f"{value}:*"
    return value in patterns or any_port in patterns
