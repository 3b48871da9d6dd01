"""Settings: the environment, read once."""

import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, get_args

from mcp_handoff.actors import TAKE_MINUTES
from mcp_handoff.addresses import Network, is_secure
from mcp_handoff.errors import Misconfigured
from mcp_handoff.masking import find_secrets
from mcp_handoff.projects import checkout_slug, is_id, slug_of
from mcp_handoff.proofs import LENIENT, Policy
from mcp_handoff.switches import FALSE, TRUE
from mcp_handoff.text import shortened, visible

BackendKind = Literal["sqlite", "postgresql", "api"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

MOST_DAYS = 3650
"""The longest that idempotency keys can be kept."""

MOST_MINUTES = 525_600
"""The longest time after which a take can be over: a year."""

_SCHEMES: Mapping[str, BackendKind] = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "https": "api",
    "http": "api",
}


@dataclass(frozen=True, slots=True)
class BackendAddress:
    """Where the tickets are kept: `url` as HANDOFF_BACKEND has it, None for the store in the user's
    data directory."""

    kind: BackendKind
    url: str | None = field(repr=False)  # it may hold a password


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    `project` is a slug or an id; `rate_limit` is in calls a minute for each token, 0 for none;
    `keep_keys_days` is how long an idempotency key keeps its result; `build_timeout` is in hours, 0
    for never; `take_minutes` is how long a bot holds what it took after its last call, 0 for ever;
    `oauth_issuer` and `oauth_audience` are addresses, both or neither, and the two
    claims are where the issuer's tokens name projects and a role. With `oauth_client_id`, which is
    this server's at the issuer, people sign in there. Each token goes to the API that it was given
    for and nowhere else.
    """

    backend: BackendAddress
    project: str
    organization: str
    actor_id: str | None
    read_only: bool
    dispatch_url: str | None = field(repr=False)  # its path may hold a key
    oauth_issuer: str | None
    oauth_audience: str | None
    rate_limit: int
    keep_keys_days: int
    build_timeout: int
    take_minutes: int
    log_level: LogLevel
    api_token: str | None = field(default=None, repr=False)
    builds_api: str | None = None
    builds_token: str | None = field(default=None, repr=False)
    dispatch_secret: str | None = field(default=None, repr=False)
    public_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    webhook_networks: tuple[Network, ...] = ()
    policy: Policy = LENIENT
    oauth_projects_claim: str | None = None
    oauth_role_claim: str | None = None
    oauth_client_id: str | None = None
    oauth_client_secret: str | None = field(default=None, repr=False)


def read_settings(
    environment: Mapping[str, str] | None = None, directory: Path | None = None
) -> Settings:
    """Return the settings of this environment and directory; Misconfigured names a wrong value."""
    values = os.environ if environment is None else environment
    issuer, audience = _oauth(values)
    client_id, client_secret = _oauth_client(values, audience)
    return Settings(
        backend=_backend(values.get("HANDOFF_BACKEND")),
        project=_project(values.get("HANDOFF_PROJECT"), directory or Path.cwd()),
        organization=_slug("HANDOFF_ORG", values.get("HANDOFF_ORG") or "default"),
        actor_id=_actor_id(values.get("HANDOFF_ACTOR_ID")),
        read_only=_switch("HANDOFF_READ_ONLY", values.get("HANDOFF_READ_ONLY", "")),
        dispatch_url=_address("BUILD_DISPATCH_URL", values.get("BUILD_DISPATCH_URL")),
        oauth_issuer=issuer,
        oauth_audience=audience,
        rate_limit=_whole_number(
            "HANDOFF_RATE_LIMIT",
            values.get("HANDOFF_RATE_LIMIT") or "600",
            "the calls a minute for each token, 0 for no limit",
            most=999_999_999,
        ),
        keep_keys_days=_whole_number(
            "HANDOFF_KEEP_KEYS_DAYS",
            values.get("HANDOFF_KEEP_KEYS_DAYS") or "30",
            f"1 to {MOST_DAYS}: how many days an idempotency key keeps its result",
            least=1,
            most=MOST_DAYS,
        ),
        build_timeout=_whole_number(
            "HANDOFF_BUILD_TIMEOUT",
            values.get("HANDOFF_BUILD_TIMEOUT") or "24",
            "the whole hours after which a build that does not report has failed, at most 9999,"
            " 0 for never",
            most=9_999,
        ),
        take_minutes=_whole_number(
            "HANDOFF_TAKE_MINUTES",
            values.get("HANDOFF_TAKE_MINUTES") or str(TAKE_MINUTES),
            f"the minutes after a bot's last call after which others may take over what it took, at"
            f" most {MOST_MINUTES}, 0 for never",
            most=MOST_MINUTES,
        ),
        log_level=_log_level(values.get("HANDOFF_LOG_LEVEL") or "WARNING"),
        api_token=_token("HANDOFF_API_TOKEN", values.get("HANDOFF_API_TOKEN")),
        builds_api=_address("HANDOFF_BUILDS_API", values.get("HANDOFF_BUILDS_API")),
        builds_token=_token("HANDOFF_BUILDS_TOKEN", values.get("HANDOFF_BUILDS_TOKEN")),
        dispatch_secret=_dispatch_secret(values.get("BUILD_DISPATCH_SECRET")),
        public_url=_address("HANDOFF_PUBLIC_URL", values.get("HANDOFF_PUBLIC_URL")),
        trusted_proxies=_networks(
            "HANDOFF_TRUSTED_PROXIES", values.get("HANDOFF_TRUSTED_PROXIES") or ""
        ),
        webhook_networks=_networks(
            "HANDOFF_WEBHOOK_NETWORKS", values.get("HANDOFF_WEBHOOK_NETWORKS") or ""
        ),
        policy=Policy(
            require_proof=_switch("HANDOFF_REQUIRE_PROOF", values.get("HANDOFF_REQUIRE_PROOF", "")),
            four_eyes=_switch("HANDOFF_FOUR_EYES", values.get("HANDOFF_FOUR_EYES", "")),
        ),
        oauth_projects_claim=values.get("HANDOFF_OAUTH_PROJECTS_CLAIM") or None,
        oauth_role_claim=values.get("HANDOFF_OAUTH_ROLE_CLAIM") or None,
        oauth_client_id=client_id,
        oauth_client_secret=client_secret,
    )


def _backend(value: str | None) -> BackendAddress:
    if not value:
        return BackendAddress("sqlite", None)
    scheme, separator, rest = value.partition("://")
    kind = _SCHEMES.get(scheme) if separator else None
    names_file = rest.startswith("/") and rest != "/"
    if kind is None or (kind == "sqlite" and not names_file):
        # What is no address may be a password that ended up here.
        begins = f"begins with {_quoted(scheme)}" if separator and scheme.isalnum() else "is none"
        raise Misconfigured(
            f"HANDOFF_BACKEND {begins}; this version knows"
            " sqlite:///file (sqlite:////absolute/path for one that is not relative),"
            " postgresql://host/database and https://host/api."
        )
    if kind == "postgresql" and not _ends_its_password_once(rest):
        raise Misconfigured(
            "HANDOFF_BACKEND has an @ that does not end its password; percent-encode what is"
            " special in it: @ is %40, / is %2F, ? is %3F."
        )
    if kind == "api" and (set("@?#") & set(value) or not is_secure(value)):
        raise Misconfigured(
            "HANDOFF_BACKEND must be an https:// address without a password or a query in it"
            " (http:// for this machine alone); HANDOFF_API_TOKEN takes the token."
        )
    return BackendAddress(kind, value)


def _ends_its_password_once(rest: str) -> bool:
    """Tell whether user and password can be told from what follows them: libpq would take a part
    of a password for the host or the database, and everybody names those."""
    authority, _, path = rest.partition("?")[0].partition("/")
    return authority.count("@") <= 1 and "@" not in path


def _project(value: str | None, directory: Path) -> str:
    if not value:
        return checkout_slug(directory)
    return value.lower() if is_id(value) else _slug("HANDOFF_PROJECT", value)


def _slug(name: str, value: str) -> str:
    if value != slug_of(value):
        raise Misconfigured(
            f"{name}={_quoted(value)} is no slug: lower-case letters, digits and single hyphens,"
            f" at most 60, such as {slug_of(value)}."
        )
    return value


def _actor_id(value: str | None) -> str | None:
    if value and (len(value) > 200 or visible(value) != value):
        raise Misconfigured(
            f"HANDOFF_ACTOR_ID={_quoted(value)} must be 1 to 200 visible characters."
        )
    if value and find_secrets(value):
        raise Misconfigured("HANDOFF_ACTOR_ID looks like a secret, and names are shown to all.")
    return value or None


def _switch(name: str, value: str) -> bool:
    if value.lower() not in TRUE + FALSE:
        raise Misconfigured(f"{name}={_quoted(value)} must be 1 or 0.")
    return value.lower() in TRUE


def _address(name: str, value: str | None) -> str | None:
    if value and not is_secure(value):
        raise Misconfigured(
            f"{name} must be an https:// address without a password in it"
            " (http:// for this machine alone)."
        )
    return value or None


def _networks(name: str, value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise Misconfigured(
            f"{name}={_quoted(value)} must be IP addresses and networks with commas between them,"
            " such as 127.0.0.1, 10.0.0.0/8."
        ) from None


def _token(name: str, value: str | None) -> str | None:
    if value and not (value.isascii() and value.isprintable() and " " not in value):
        raise Misconfigured(f"{name} must be one word of ASCII characters, as it was given out.")
    return value or None


def _dispatch_secret(value: str | None) -> str | None:
    """Take a secret as Standard Webhooks has it: whsec_ and 24 to 64 bytes in base64."""
    if not value:
        return None
    try:
        key = value.removeprefix("whsec_").rstrip("=")
        length = len(b64decode(key + "=" * (-len(key) % 4), validate=True))
    except ValueError:
        length = 0
    if not value.startswith("whsec_") or not 24 <= length <= 64:
        raise Misconfigured(
            "BUILD_DISPATCH_SECRET must be whsec_ and 24 to 64 random bytes in base64; make one:"
            " echo whsec_$(openssl rand -base64 32)"
        )
    return value


def _oauth(values: Mapping[str, str]) -> tuple[str | None, str | None]:
    issuer, audience = (
        _address(name, values.get(name))
        for name in ("HANDOFF_OAUTH_ISSUER", "HANDOFF_OAUTH_AUDIENCE")
    )
    if bool(issuer) != bool(audience):
        raise Misconfigured(
            "HANDOFF_OAUTH_ISSUER and HANDOFF_OAUTH_AUDIENCE go together: who signs the tokens, and"
            " the address of this server's /mcp that they are signed for."
        )
    return issuer, audience


def _oauth_client(values: Mapping[str, str], audience: str | None) -> tuple[str | None, str | None]:
    client_id, secret = (
        _token(name, values.get(name))
        for name in ("HANDOFF_OAUTH_CLIENT_ID", "HANDOFF_OAUTH_CLIENT_SECRET")
    )
    if client_id and not audience:
        raise Misconfigured(
            "HANDOFF_OAUTH_CLIENT_ID is this server's at an issuer: set HANDOFF_OAUTH_ISSUER and"
            " HANDOFF_OAUTH_AUDIENCE too."
        )
    if client_id and client_id == audience:
        raise Misconfigured(
            "HANDOFF_OAUTH_CLIENT_ID must not be HANDOFF_OAUTH_AUDIENCE: the issuer's ID tokens,"
            " which are for its clients, would count as access tokens."
        )
    if secret and not client_id:
        raise Misconfigured(
            "HANDOFF_OAUTH_CLIENT_SECRET is that of a client: set HANDOFF_OAUTH_CLIENT_ID too."
        )
    return client_id, secret


def _whole_number(name: str, value: str, meaning: str, *, least: int = 0, most: int) -> int:
    if not value.isdecimal() or len(value) > 9 or not least <= int(value) <= most:
        raise Misconfigured(f"{name}={_quoted(value)} must be {meaning}.")
    return int(value)


def _log_level(value: str) -> LogLevel:
    for level in get_args(LogLevel):
        if value.upper() == level:
            return level
    raise Misconfigured(
        f"HANDOFF_LOG_LEVEL={_quoted(value)} must be one of {', '.join(get_args(LogLevel))}."
    )


def _quoted(value: str) -> str:
    return repr(shortened(visible(value), 60))
