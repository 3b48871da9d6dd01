"""The variables of the environment: what each of them means, and what holds where it is not set."""

from collections.abc import Mapping
from typing import NamedTuple


class Variable(NamedTuple):
    """A setting. Where it is not set, or empty, it has its `default`, else what `otherwise` says in
    words holds."""

    meaning: str
    default: str = ""
    otherwise: str = "none"


VARIABLES: Mapping[str, Variable] = {
    "HANDOFF_BACKEND": Variable(
        "sqlite:////absolute/file or sqlite:///relative/file,"
        " postgresql://user:password@host/database, or the address of an API: https://host/api",
        otherwise="handoff.db in your data directory",
    ),
    "HANDOFF_API_TOKEN": Variable("the token for that API"),
    "HANDOFF_BUILDS_API": Variable(
        "the builds API, if it has its own address", otherwise="v1 under the API's address"
    ),
    "HANDOFF_BUILDS_TOKEN": Variable("the token for the builds API", otherwise="the API's"),
    "HANDOFF_PROJECT": Variable("slug or id of the project", otherwise="the git checkout's name"),
    "HANDOFF_ORG": Variable("slug of the organization", "default"),
    "HANDOFF_ACTOR_ID": Variable("who acts", otherwise="the client's name"),
    "HANDOFF_READ_ONLY": Variable("1 to offer only the reading tools", "0"),
    "HANDOFF_REQUIRE_PROOF": Variable(
        "1 to close by a suggestion only if a forge or git has seen its merge", "0"
    ),
    "HANDOFF_FOUR_EYES": Variable("1 to let nobody execute a suggestion of their own", "0"),
    "HANDOFF_TAKE_MINUTES": Variable(
        "minutes for which a bot holds what it took, from its last call on; 0 for ever", "240"
    ),
    "HANDOFF_RATE_LIMIT": Variable("calls a minute for each token; 0 for no limit", "600"),
    "HANDOFF_KEEP_KEYS_DAYS": Variable("days for which an idempotency key keeps its result", "30"),
    "HANDOFF_OAUTH_ISSUER": Variable("the issuer whose JSON web tokens are accepted"),
    "HANDOFF_OAUTH_AUDIENCE": Variable("the address that they are for"),
    "HANDOFF_OAUTH_PROJECTS_CLAIM": Variable("the claim that lists the projects such a token sees"),
    "HANDOFF_OAUTH_ROLE_CLAIM": Variable("the claim with its role"),
    "HANDOFF_OAUTH_CLIENT_ID": Variable(
        "this server as a client of that issuer, for signing in to the portal"
    ),
    "HANDOFF_OAUTH_CLIENT_SECRET": Variable("its secret there, if the issuer gave one"),
    "BUILD_DISPATCH_URL": Variable("the address that is notified of triggered builds"),
    "BUILD_DISPATCH_SECRET": Variable("signs what it is told and proves its reports: whsec_..."),
    "HANDOFF_BUILD_TIMEOUT": Variable(
        "hours after which a build that does not report has failed; 0 for never",
        "24",
    ),
    "HANDOFF_PUBLIC_URL": Variable(
        "this server's address as others see it: for reports of builds, links, and signing in",
        otherwise="serve's own address, if that is one",
    ),
    "HANDOFF_WEBHOOK_NETWORKS": Variable(
        "addresses and networks that webhooks may reach besides public ones"
    ),
    "HANDOFF_TRUSTED_PROXIES": Variable(
        "addresses and networks of the proxies in front of serve; only their word on where a"
        " request comes from is believed"
    ),
    "HANDOFF_LOG_LEVEL": Variable("DEBUG, INFO, WARNING or ERROR, on stderr", "WARNING"),
}

OTHERS: Mapping[str, str] = {
    "HANDOFF_TOKEN": "a client's token, as the docs name it",
    "HANDOFF_REFERENCE": "the ticket that a build is for, in what examples/receiver.py runs",
    "HANDOFF_TEST_POSTGRES": "the database of the tests",
}
"""What is no setting and may be there: by name, what it holds."""

PREFIXES = ("HANDOFF_", "BUILD_DISPATCH_")
"""How the names begin that are ours; none of them may be one that we don't know."""
