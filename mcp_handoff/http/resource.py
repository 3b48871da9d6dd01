"""This server as an OAuth 2.0 protected resource (RFC 9728)."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

READ, WRITE = "handoff:read", "handoff:write"
"""The scopes of OAuth tokens; who may write may read."""

METADATA_PATH = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True)
class Resource:
    """The address that tokens must be for, and the issuer whose tokens are taken."""

    address: str
    issuer: str

    @property
    def metadata_paths(self) -> tuple[str, str]:
        """Where the metadata document is served: with the resource's own path, and without."""
        return f"{METADATA_PATH}{urlsplit(self.address).path.rstrip('/')}", METADATA_PATH

    def metadata(self) -> Response:
        """Return the document of RFC 9728, section 2."""
        return JSONResponse(
            {
                "resource": self.address,
                "resource_name": "mcp-handoff",
                "authorization_servers": [self.issuer],
                "scopes_supported": [READ, WRITE],
                "bearer_methods_supported": ["header"],
            }
        )

    def challenge(self, error: str | None) -> str:
        """Return the WWW-Authenticate of a refusal (RFC 6750, section 3; RFC 9728, section 5.1)."""
        parts = urlsplit(self.address)
        attributes = {
            **({"error": error} if error else {}),
            "scope": f"{READ} {WRITE}",
            "resource_metadata": f"{parts.scheme}://{parts.netloc}{self.metadata_paths[0]}",
        }
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in attributes.items())
