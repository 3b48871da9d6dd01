"""The forges whose webhooks are understood."""

from collections.abc import Mapping
from typing import Protocol

from mcp_handoff.hooks import forgejo, github, gitlab
from mcp_handoff.merges import Delivery, ForgeName


class Forge(Protocol):
    """What its webhooks send, understood; names of headers are in lower case."""

    def has_signature(self, headers: Mapping[str, str]) -> bool:
        """Return whether a signature of the right form is there, which costs no reading of the
        body."""
        ...

    def repository_of(self, body: bytes) -> str:
        """Return the repository (`owner/name`, as the forge writes it) that a payload says it is
        of, which is true once its signature is found to be that repository's.

        Raises ValidationFailed.
        """
        ...

    def is_signed(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Return whether whoever sent this body knows the secret."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Return what a payload tells; of an event that is not used, no facts.

        Raises ValidationFailed with the field that is missing or wrong.
        """
        ...


FORGES: Mapping[ForgeName, Forge] = {"github": github, "gitlab": gitlab, "forgejo": forgejo}
"""Each forge's own file; `forgejo` is Gitea's too."""
