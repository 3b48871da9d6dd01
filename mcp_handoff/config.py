"""Settings: the environment, read once."""

import os
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, get_args

from mcp_handoff.addresses import Network, is_secure
from mcp_handoff.errors import Misconfigured
from mcp_handoff.projects import checkout_slug, is_id, slug_of
from mcp_handoff.proofs import LENIENT, Policy
from mcp_handoff.switches import FALSE, TRUE
from mcp_handoff.text.characters import shortened, visible
from mcp_handoff.text.masking import find_secrets
from mcp_handoff.variables import OTHERS, PREFIXES, VARIABLES

BackendKind = Literal["sqlite", "postgresql", "api"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_SCHEMES: Mapping[str, BackendKind] = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "https": "api",
    "http": "api",
}

_OF_KUBERNETES = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_[A-Z]+(_PROTO|_PORT|_ADDR)?)=.*"
    r"|\w+_PORT=\w+://.*"
)
"""What Kubernetes puts into the environment for a service whose name begins with handoff.
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""


@dataclass(frozen=True, slots=True)
class BackendAddress:
    """Where the tickets are kept: `url` as HANDOFF_BACKEND has it, None for the store in the user's
    data directory."""

    kind: BackendKind
    url: str | None = field(repr=False)  # it may hold a password


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    `project` is a slug or an id, which the environment gives where it `names_project`;
    `rate_limit` is in calls a minute for each token, 0 for none;
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
    names_project: bool = False


def read_settings(
    environment: Mapping[str, str] | None = None, directory: Path | None = None
) -> Settings:
    """Return the settings of this environment and directory; Misconfigured names a wrong value, or
    a variable that there is not."""
    values = _given(os.environ if environment is None else environment)
    issuer, audience = _oauth(values)
    client_id, client_secret = _oauth_client(values, audience)
    return Settings(
        backend=_backend(values["HANDOFF_BACKEND"]),
        project=_project(values["HANDOFF_PROJECT"], directory or _working_directory()),
        organization=_slug("HANDOFF_ORG", values["HANDOFF_ORG"]),
        actor_id=_actor_id(values["HANDOFF_ACTOR_ID"]),
        read_only=_switch(values, "HANDOFF_READ_ONLY"),
        dispatch_url=_address(values, "BUILD_DISPATCH_URL"),
        oauth_issuer=issuer,
        oauth_audience=audience,
        rate_limit=_whole_number(values, "HANDOFF_RATE_LIMIT"),
        keep_keys_days=_whole_number(values, "HANDOFF_KEEP_KEYS_DAYS"),
        build_timeout=_whole_number(values, "HANDOFF_BUILD_TIMEOUT"),
        take_minutes=_whole_number(values, "HANDOFF_TAKE_MINUTES"),
        log_level=_log_level(values["HANDOFF_LOG_LEVEL"]),
        api_token=_token(values, "HANDOFF_API_TOKEN"),
        builds_api=_address(values, "HANDOFF_BUILDS_API"),
        builds_token=_token(values, "HANDOFF_BUILDS_TOKEN"),
        dispatch_secret=_dispatch_secret(values["BUILD_DISPATCH_SECRET"]),
        public_url=_address(values, "HANDOFF_PUBLIC_URL"),
        trusted_proxies=_networks(values, "HANDOFF_TRUSTED_PROXIES"),
        webhook_networks=_networks(values, "HANDOFF_WEBHOOK_NETWORKS"),
        policy=Policy(
            require_proof=_switch(values, "HANDOFF_REQUIRE_PROOF"),
            four_eyes=_switch(values, "HANDOFF_FOUR_EYES"),
        ),
        oauth_projects_claim=values["HANDOFF_OAUTH_PROJECTS_CLAIM"] or None,
        oauth_role_claim=values["HANDOFF_OAUTH_ROLE_CLAIM"] or None,
        oauth_client_id=client_id,
        oauth_client_secret=client_secret,
        names_project=bool(values["HANDOFF_PROJECT"]),
    )


def _given(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the value of each variable, its default where it is not set or empty.

    Raises Misconfigured where one is set that there is not: it would change nothing, and whoever
    set it would not know.
    """
    known = VARIABLES.keys() | OTHERS.keys()
    unknown = [
        name
        for name, value in environment.items()
        if name.startswith(PREFIXES) and value and name not in known
        if not _OF_KUBERNETES.fullmatch(f"{name}={value}")
    ]
    if unknown:
        raise Misconfigured(
            f"There is no variable {', no '.join(map(_with_nearest, sorted(unknown)))};"
            " mcp-handoff --help lists them all."
        )
    return {name: environment.get(name) or one.default for name, one in VARIABLES.items()}


def _with_nearest(name: str) -> str:
    """Return the name of no variable, with the one that may have been meant."""
    from mcp_handoff.near_names import nearest_argument

    known = {one.partition("_")[2].lower(): one for one in VARIABLES}
    near = nearest_argument(name.partition("_")[2].lower(), known)
    shown = shortened(visible(name), 60)
    return f"{shown} (did you mean {known[near]}?)" if near else shown


def _backend(value: str) -> BackendAddress:
    if not value:
        return BackendAddress("sqlite", None)
    scheme, separator, rest = value.partition("://")
    kind = _SCHEMES.get(scheme) if separator else None
    names_file = rest.startswith("/") and rest != "/"
    if kind is None or (kind == "sqlite" and not names_file):
        # What is no address may be a password that ended up here.
        wrong = "is no address"
        if kind == "sqlite":
            wrong = "names no file"
        elif separator and scheme.isalnum():
            wrong = f"begins with {_quoted(scheme)}"
        raise Misconfigured(
            f"HANDOFF_BACKEND {wrong}; it takes sqlite:////absolute/file or sqlite:///relative/file,"
            " postgresql://host/database, or the address of an API: https://host/api."
        )
    if kind == "postgresql" and not _ends_its_password_once(rest):
        raise Misconfigured(
            "HANDOFF_BACKEND has an @ that does not end its password; percent-encode what is"
            " special in it: @ is %40, / is %2F, ? is %3F."
        )
    if kind == "api" and (set("@?#") & set(value) or not is_secure(value)):
        raise Misconfigured(
            "HANDOFF_BACKEND must be an https:// address without a password or a query in it"
            " (http:// for this machine only); HANDOFF_API_TOKEN takes the token."
        )
    return BackendAddress(kind, value)


def _ends_its_password_once(rest: str) -> bool:
    """Tell whether user and password can be told from what follows them: libpq would take a part
    of a password for the host or the database, and everybody names those."""
    authority, _, path = rest.partition("?")[0].partition("/")
    return authority.count("@") <= 1 and "@" not in path


def _project(value: str, directory: Path) -> str:
    if not value:
        return checkout_slug(directory)
    return value.lower() if is_id(value) else _slug("HANDOFF_PROJECT", value)


def _working_directory() -> Path:
    # Also where HANDOFF_PROJECT is set: files may be named from here on.
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise Misconfigured("The working directory is gone; change into another one.") from None


def _slug(name: str, value: str) -> str:
    if value != slug_of(value):
        raise Misconfigured(
            f"{name}={_quoted(value)} is no slug: lower-case letters, digits and single hyphens,"
            f" at most 60, such as {slug_of(value)}."
        )
    return value


def _actor_id(value: str) -> str | None:
    if len(value) > 200 or visible(value) != value:
        raise Misconfigured(
            f"HANDOFF_ACTOR_ID={_quoted(value)} must be 1 to 200 visible characters."
        )
    if value and find_secrets(value):
        raise Misconfigured("HANDOFF_ACTOR_ID looks like a secret, and names are shown to all.")
    return value or None


def _switch(values: Mapping[str, str], name: str) -> bool:
    value = values[name]
    if value.lower() not in TRUE + FALSE:
        raise Misconfigured(f"{name}={_quoted(value)} must be 1 or 0.")
    return value.lower() in TRUE


def _address(values: Mapping[str, str], name: str) -> str | None:
    value = values[name]
    if value and not is_secure(value):
        raise Misconfigured(
            f"{name} must be an https:// address without a password in it"
            " (http:// for this machine only)."
        )
    return value or None


def _networks(values: Mapping[str, str], name: str) -> tuple[Network, ...]:
    value = values[name]
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise Misconfigured(
            f"{name}={_quoted(value)} must be IP addresses and networks with commas between them,"
            " such as 127.0.0.1, 10.0.0.0/8."
        ) from None


def _token(values: Mapping[str, str], name: str) -> str | None:
    value = values[name]
    if value and not (value.isascii() and value.isprintable() and " " not in value):
        raise Misconfigured(f"{name} must be one word of ASCII characters, as it was given out.")
    return value or None


def _dispatch_secret(value: str) -> str | None:
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
    issuer = _address(values, "HANDOFF_OAUTH_ISSUER")
    audience = _address(values, "HANDOFF_OAUTH_AUDIENCE")
    if bool(issuer) != bool(audience):
        raise Misconfigured(
            "HANDOFF_OAUTH_ISSUER and HANDOFF_OAUTH_AUDIENCE go together: who signs the tokens, and"
            " the address of this server's /mcp that they are signed for."
        )
    return issuer, audience


def _oauth_client(values: Mapping[str, str], audience: str | None) -> tuple[str | None, str | None]:
    client_id = _token(values, "HANDOFF_OAUTH_CLIENT_ID")
    secret = _token(values, "HANDOFF_OAUTH_CLIENT_SECRET")
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


def _whole_number(values: Mapping[str, str], name: str) -> int:
    value, (allowed, meaning) = values[name], _WHOLE_NUMBERS[name]
    if not value.isdecimal() or len(value) > 9 or int(value) not in allowed:
        raise Misconfigured(f"{name}={_quoted(value)} must be {meaning}.")
    return int(value)


_WHOLE_NUMBERS: Mapping[str, tuple[range, str]] = {
    "HANDOFF_RATE_LIMIT": (
        range(1_000_000_000),
        "the calls a minute for each token, 0 for no limit",
    ),
    "HANDOFF_KEEP_KEYS_DAYS": (
        range(1, 3_651),
        "1 to 3650: how many days an idempotency key keeps its result",
    ),
    "HANDOFF_BUILD_TIMEOUT": (
        range(10_000),
        "the whole hours after which a build that does not report has failed, at most 9999, 0 for"
        " never",
    ),
    "HANDOFF_TAKE_MINUTES": (
        range(525_601),  # a year
        "the minutes after a bot's last call after which others may take over what it took, at most"
        " 525600, 0 for never",
    ),
}
"""By name which numbers it takes, and what they mean."""


def _log_level(value: str) -> LogLevel:
    for level in get_args(LogLevel):
        if value.upper() == level:
            return level
    raise Misconfigured(
        f"HANDOFF_LOG_LEVEL={_quoted(value)} must be one of {', '.join(get_args(LogLevel))}."
    )


def _quoted(value: str) -> str:
    return repr(shortened(visible(value), 60))
