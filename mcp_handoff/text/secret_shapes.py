"""What secrets look like: the shapes that their issuers publish so that they can be found.

What is covered is measured against the lists of gitleaks and of detect-secrets (docs/masking.md).
A shape keeps the facts alone: what a secret begins with, and what the rest of it is made of.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_ALNUM, _HEX = "[A-Za-z0-9]", "[0-9a-fA-F]"
_WORD, _BASE64 = "[A-Za-z0-9_-]", "[A-Za-z0-9+/]"
_BODY = f"(?:{_BASE64}{{16,}}+={{0,2}}\\s*+)++"
_UUID = f"{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}"

PREFIXED: Mapping[str, Mapping[str, str]] = {
    "mcp-handoff token": {"mho_": f"{_HEX}{{32}}_{_WORD}{{20,}}"},
    "report token": {"mhr_": f"{_WORD}{{43,}}"},
    "webhook secret": {"whsec_": f"{_BASE64}{{16,}}={{0,2}}"},
    "private key": {
        "AGE-SECRET-KEY-1": "[A-Z0-9]{58}",
        "MII": f"{_BASE64}{{3}}IBA(?:AKC|DAN){_BODY}",  # PKCS #1 and #8 without their first line
        "MHcCAQEE": _BODY,
        "MIGHAgEAMBMG": _BODY,
        "MC4CAQAwBQYDK2Vw": _BODY,
        "b3BlbnNzaC1rZXktdjE": _BODY,
    },
    "1Password token": {
        "ops_eyJ": f"{_BASE64}{{100,}}",
        "A3-": "[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){4,5}",
    },
    "Adobe secret": {"p8e-": f"{_ALNUM}{{32}}"},
    "Airtable token": {"pat": f"{_ALNUM}{{14}}\\.[0-9a-f]{{64}}"},
    "Alibaba access key": {"LTAI": f"{_ALNUM}{{12,20}}"},
    "Anthropic key": {"sk-ant-": f"{_WORD}{{20,}}"},
    "Artifactory key": {"AKCp": f"{_ALNUM}{{69}}", "cmVmd": f"{_ALNUM}{{59}}"},
    "Atlassian token": {
        "ATATT3": f"{_WORD}{{50,}}=?",
        "ATCTT3": f"{_WORD}{{50,}}=?",
        "ATBB": f"{_ALNUM}{{32}}",
    },
    "Authress key": {".acc_": f"{_WORD}{{10,32}}\\.[A-Za-z0-9+/_=-]{{30,120}}"},
    "AWS access key": {
        **dict.fromkeys(("AKIA", "ASIA", "ABIA", "ACCA"), "[A-Z0-9]{16}"),
        "A3T": "[A-Z0-9]{17}",
    },
    "AWS Bedrock key": {
        "ABSK": f"{_BASE64}{{100,}}={{0,2}}",
        "bedrock-api-key-": f"{_BASE64}{{20,}}={{0,2}}",
    },
    "Azure storage key": {"AccountKey=": f"{_BASE64}{{86,88}}={{0,2}}"},
    "ClickHouse key": {"4b1d": f"{_ALNUM}{{38}}(?!{_ALNUM})"},
    "Clojars token": {"CLOJARS_": f"{_ALNUM}{{60}}"},
    "Cloudflare key": {"v1.0-": "[0-9a-f]{24}-[0-9a-f]{146}"},
    "Databricks token": {"dapi": "[0-9a-f]{32}(?:-\\d)?"},
    "DigitalOcean token": dict.fromkeys(("doo_v1_", "dop_v1_", "dor_v1_"), f"{_HEX}{{64}}"),
    "Discord webhook": {
        "discord.com/api/webhooks/": f"\\d{{17,20}}/{_WORD}{{60,}}",
        "discordapp.com/api/webhooks/": f"\\d{{17,20}}/{_WORD}{{60,}}",
    },
    "Docker token": {"dckr_pat_": f"{_WORD}{{20,}}", "dckr_oat_": f"{_WORD}{{20,}}"},
    "Doppler token": dict.fromkeys(
        ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."), "[A-Za-z0-9.]{40,}"
    ),
    "Duffel token": dict.fromkeys(("duffel_test_", "duffel_live_"), r"[\w=-]{43}"),
    "Dynatrace token": {"dt0c01.": f"{_ALNUM}{{24}}\\.{_ALNUM}{{64}}"},
    "EasyPost key": {"EZAK": f"{_ALNUM}{{54}}", "EZTK": f"{_ALNUM}{{54}}"},
    "Facebook token": {"EAAM": f"{_ALNUM}{{90,}}", "EAAC": f"{_ALNUM}{{90,}}"},
    "Flutterwave key": {"FLWSECK_TEST-": f"{_ALNUM}{{12,}}", "FLWSECK-": f"{_ALNUM}{{12,}}"},
    "Fly.io token": {
        "fo1_": f"{_WORD}{{43}}",
        **dict.fromkeys(("fm1a_", "fm1r_", "fm2_"), f"{_BASE64}{{100,}}={{0,3}}"),
    },
    "Frame.io token": {"fio-u-": r"[\w=-]{64}"},
    "GitHub token": {
        **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), f"{_ALNUM}{{20,}}"),
        "github_pat_": r"\w{20,}",
    },
    "GitLab token": {
        **dict.fromkeys(
            (
                *("glpat-", "gldt-", "glft-", "glimt-", "glagent-", "gloas-", "glptt-", "glrt-"),
                *("glrtr-", "glsoat-", "glffct-", "glcbt-", "GR1348941"),
            ),
            r"[\w-]{20,}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7})?",
        ),
        "_gitlab_session=": f"{_ALNUM}{{32}}",
    },
    "Google key": {
        "AIza": f"{_WORD}{{35}}",
        "GOCSPX-": f"{_WORD}{{28}}",
        "ya29.": f"{_WORD}{{20,}}",
        "1//0": f"{_WORD}{{40,}}",
    },
    "Grafana token": {
        "glc_": f"{_BASE64}{{32,}}={{0,3}}",
        "glsa_": f"{_ALNUM}{{32}}_{_HEX}{{8}}",
        "eyJrIjoi": f"{_ALNUM}{{70,}}={{0,3}}",
    },
    "Groq key": {"gsk_": f"{_ALNUM}{{48,}}"},
    "Harness key": dict.fromkeys(
        ("pat.", "sat."), f"{_WORD}{{22}}\\.{_ALNUM}{{24}}\\.{_ALNUM}{{20}}"
    ),
    "Heroku key": {"HRKU-AA": f"{_WORD}{{58}}"},
    "Hugging Face token": {"hf_": f"{_ALNUM}{{30,}}", "api_org_": "[A-Za-z]{34}"},
    "Infracost key": {"ico-": f"{_ALNUM}{{32}}"},
    "Intra42 secret": {"s-s4t2ud-": f"{_HEX}{{64}}", "s-s4t2af-": f"{_HEX}{{64}}"},
    "LangSmith key": {
        "lsv2_pt_": f"{_HEX}{{32}}_{_HEX}{{10}}",
        "lsv2_sk_": f"{_HEX}{{32}}_{_HEX}{{10}}",
    },
    "JSON web token": {"ZXlK": f"{_BASE64}{{60,}}={{0,2}}"},  # in base64 once more
    "Linear key": {"lin_api_": f"{_ALNUM}{{40}}", "lin_oauth_": f"{_ALNUM}{{40,}}"},
    "New Relic key": {
        "NRAK-": f"{_ALNUM}{{27}}",
        "NRII-": f"{_WORD}{{32}}",
        "NRJS-": f"{_HEX}{{19}}",
    },
    "Notion token": {"ntn_": f"[0-9]{{11}}{_ALNUM}{{35}}"},
    "npm token": {"npm_": f"{_ALNUM}{{36}}"},
    "NVIDIA key": {"nvapi-": f"{_WORD}{{60,}}"},
    "Octopus key": {"API-": "[A-Z0-9]{26}"},
    "OpenAI key": {"sk-": f"(?=[A-Za-z_-]{{0,60}}[0-9]){_WORD}{{20,}}"},
    "OpenShift token": {"sha256~": f"{_WORD}{{43}}"},
    "Perplexity key": {"pplx-": f"{_ALNUM}{{48}}"},
    "Plaid token": dict.fromkeys(
        ("access-sandbox-", "access-development-", "access-production-"), _UUID
    ),
    "PlanetScale key": dict.fromkeys(
        ("pscale_tkn_", "pscale_oauth_", "pscale_pw_"), r"[\w=.-]{32,64}"
    ),
    "Postman key": {"PMAK-": f"{_HEX}{{24}}-{_HEX}{{34}}"},
    "Prefect token": {"pnu_": f"{_ALNUM}{{36}}"},
    "Pulumi token": {"pul-": "[0-9a-f]{40}"},
    "PyPI token": {"pypi-": f"{_WORD}{{50,}}"},
    "ReadMe key": {"rdme_": "[a-z0-9]{70}"},
    "Replicate token": {"r8_": f"{_ALNUM}{{37}}"},
    "RubyGems key": {"rubygems_": "[0-9a-f]{48}"},
    "Scalingo token": {"tk-us-": f"{_WORD}{{48}}"},
    "SendGrid key": {"SG.": r"[\w=.-]{48,}"},
    "Sendinblue key": {"xkeysib-": f"{_HEX}{{64}}-{_ALNUM}{{16}}"},
    "Sentry token": {
        "sntrys_": f"{_BASE64}{{20,}}={{0,2}}_{_BASE64}{{43}}",
        "sntryu_": f"{_HEX}{{64}}",
    },
    "SettleMint token": dict.fromkeys(("sm_aat_", "sm_pat_", "sm_sat_"), f"{_ALNUM}{{16}}"),
    "Shippo token": {"shippo_live_": f"{_HEX}{{40}}", "shippo_test_": f"{_HEX}{{40}}"},
    "Shopify token": dict.fromkeys(("shpat_", "shpca_", "shppa_", "shpss_"), f"{_HEX}{{32}}"),
    "Slack token": {
        **dict.fromkeys(tuple(f"xox{kind}-" for kind in "abcdeoprs"), r"[A-Za-z0-9-]{10,}"),
        "xapp-": r"\d-[A-Za-z0-9-]{10,}",
    },
    "Slack webhook": dict.fromkeys(
        tuple(f"hooks.slack.com/{kind}/" for kind in ("services", "workflows", "triggers")),
        r"[A-Za-z0-9+/]{20,}",
    ),
    "Sourcegraph token": {
        "sgp_": f"(?:(?:{_HEX}{{16}}|local)_)?{_HEX}{{40}}",
    },
    "Square token": {
        "EAAA": f"{_WORD}{{22,60}}(?![A-Za-z0-9+/_-])",
        "sq0atp-": f"{_WORD}{{22,}}",
        "sq0csp-": f"{_WORD}{{22,}}",
    },
    "Stripe key": dict.fromkeys(
        tuple(f"{kind}k_{stage}_" for kind in "rs" for stage in ("live", "test", "prod")),
        f"{_ALNUM}{{10,}}",
    ),
    "Supabase key": {"sbp_": f"{_HEX}{{40}}", "sb_secret_": f"{_WORD}{{20,}}"},
    "Tailscale key": {
        f"tskey-{kind}-": f"{_WORD}{{20,}}" for kind in ("auth", "api", "client", "scim", "webhook")
    },
    "Teams webhook": {".webhook.office.com/webhookb2/": r"[\w@/-]{60,}"},
    "Telegram token": {":AA": f"(?<=\\d{{8}}:AA){_WORD}{{33}}"},
    "Terraform token": {".atlasv1.": r"[\w=-]{60,70}"},
    "Twilio key": {"SK": f"{_HEX}{{32}}"},
    "Typeform token": {"tfp_": r"[\w.=-]{40,}"},
    "Vault token": {
        "hvs.": f"{_WORD}{{24,}}",
        "hvb.": f"{_WORD}{{100,}}",
        "hvr.": f"{_WORD}{{24,}}",
    },
    "xAI key": {"xai-": f"{_ALNUM}{{70,}}"},
    "Yandex key": {"AQVN": f"{_WORD}{{35,}}", "YCA": f"{_WORD}{{37}}"},
}
"""By kind: what such a secret begins with, and the rest of it as a regular expression.

The rest fails within a bounded number of characters, or it can't begin within another of its kind:
looking for all of them takes time in proportion to the text.
"""


@dataclass(frozen=True, slots=True)
class Context:
    """A secret that is known by what stands around it.

    One of `signs`, in lower case, is in every text that holds one; the group `secret` of `pattern`
    is the secret, where `holds` says so.
    """

    kind: str
    signs: tuple[str, ...]
    pattern: str
    holds: Callable[[str], bool] = bool


def is_drawn(value: str) -> bool:
    """Tell whether a value looks drawn at random rather than said or programmed: letters with
    digits, or with signs that no name has."""
    said = value.rstrip(").]}>:")
    letters = any(character.isalpha() for character in said)
    others = any(not character.isalpha() and character not in "-_./" for character in said)
    return letters and others and not _PLACEHOLDER.match(said)


def is_password(value: str) -> bool:
    """Tell whether a word may be a password where one stands; one that says what is wanted there,
    or what is wrong with it, is none."""
    return not (_PLACEHOLDER.match(value) or _SAID.fullmatch(value.lower().strip(".!?*")))


def _is_basic(value: str) -> bool:
    """Tell whether a value is a user and a password as RFC 7617, section 2, puts them together."""
    try:
        decoded = b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except ValueError:
        return False
    return ":" in decoded and decoded.isprintable()


_PLACEHOLDER = re.compile(
    r"[\[<{$%(*]|\.{3}|…|(.)\1*+$|(?:https?:)?/|[A-Za-z_][\w.]*[\[(]|\S*\$[({]"
)
_SAID = re.compile(
    r"string|text|\w*passw(or)?d|secret|token|required|missing|invalid|wrong|incorrect|empty|short"
    "|weak|none|null|true|false|undefined|changed|reset|expired|unknown|optional|redacted|masked"
    "|hidden|value|field|input"
)
PASSWORD_NAME = r"(?:passw(?:or)?d|passphrase|pwd)"  # noqa: S105 - no password, what one is called
"""How the name of a password reads, in any case."""

TELLING_NAME = (
    r"(?:secrets?|credentials?|authorization|(?:access|auth|bearer|refresh|session|id)[_.-]?token"
    r"|(?:api|access|account|private|client|signing|encryption|master|secret|auth)[_.-]?key)"
)
"""How the name of a secret of another kind reads, in any case."""

TOKEN_NAME = "tokens?"  # noqa: S105 - no token, what one is called
"""How the name of what may be a secret, or a word in a program's text, reads."""

# By first letters, and those looked at before anything else: it is tried at every character.
_KEY = (
    r"(?=[ac-elmpst])(?:tokens?|s(?:ecrets?|(?:igning|torage|ervice|hared|ession|sh)[_.-]?key)"
    r"|a(?:uth(?:orization|[_-]?key)|(?:pi|ccess|ccount|pp(?:lication)?)[_.-]?key)"
    r"|c(?:redentials?|(?:lient|onsumer)[_.-]?key)"
    r"|(?:private|encryption|master|license|deploy)[_.-]?key)"
)
_TAIL = r"(?:[_.-]?(?:key|base|value|\d{1,4}|prod(?:uction)?|staging|dev|test|live|base64)){0,3}"
_IS = r"[\"'`]?\]?\s{0,4}(?::=|=>|->|[:=])\s{0,4}"
_BARE = r"[^\s\"'`,;]"

IN_CONTEXT: Sequence[Context] = (
    Context(
        "private key",
        ("private key",),
        r"(?P<secret>-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----"
        r"(?s:.*?)(?:-----END[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----|\Z))",
    ),
    Context(
        "private key",
        ("putty-user-key-file",),
        r"(?P<secret>PuTTY-User-Key-File-\d:(?s:.*?)(?:Private-MAC: [0-9a-f]+|\Z))",
    ),
    Context(
        "JSON web token",
        ("eyj", "eya"),
        rf"(?<!{_WORD})(?P<secret>ey[JA]{_WORD}{{8,}}+\.ey[JA]{_WORD}{{8,}}+\.{_WORD}{{8,}})",
    ),
    Context(
        "bearer token",
        ("bearer", "token "),
        r"(?i:\bbearer|authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?token)\s{1,4}"
        r"(?P<secret>[A-Za-z0-9._~+/-]{16,}=*)",
        is_drawn,
    ),
    Context(
        "basic credentials",
        ("basic", "auth"),
        r"(?i:\bbasic\s{1,4}|auth[\"']?\s{0,4}[:=]\s{0,4}[\"']?)(?P<secret>[A-Za-z0-9+/]{6,}={0,2})",
        _is_basic,
    ),
    Context(
        "password in a URL",
        ("://",),
        r"://[^\s/:@?#\"'<>]{0,256}:(?P<secret>[^\s/@\"'<>]{1,256})@",
        is_password,
    ),
    Context("token in a URL", ("://",), r"://(?P<secret>[^\s/:@?#\"'<>]{16,256}):?@", is_drawn),
    Context(
        "password",
        ("passw", "passphrase", "pwd"),
        rf"(?i:{PASSWORD_NAME}{_TAIL}){_IS}[\"'`](?P<secret>[^\s\"'`]{{4,256}})[\"'`]",
        is_password,
    ),
    Context(
        "password",
        ("passw", "passphrase", "pwd"),
        rf"(?i:{PASSWORD_NAME}{_TAIL}){_IS}(?P<secret>{_BARE}{{6,256}})",
        is_drawn,
    ),
    Context(
        "password", (";",), r";\s{0,4}(?i:password|pwd)=(?P<secret>[^;\s\"']{3,256})", is_password
    ),
    Context(
        "password", ("login ",), r"\blogin \S{1,256} password (?P<secret>\S{1,256})", is_password
    ),
    Context(
        "password",
        ("curl ",),
        r"\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,99}:"
        r"(?P<secret>[^\s\"']{1,256})",
        is_password,
    ),
    Context(
        "secret",
        ("secret", "token", "credential", "authorization", "key"),
        rf"(?i:{_KEY}{_TAIL}){_IS}[\"'`]?(?P<secret>{_BARE}{{8,512}})",
        is_drawn,
    ),
    Context("signature", ("sig=",), r"[?&;]sig=(?P<secret>[A-Za-z0-9%+/_-]{32,}=*)"),
    Context(
        "Azure client secret",
        ("q~",),
        r"(?<![\w~.-])(?P<secret>[\w~.]{3}\dQ~[\w~.-]{31,34})(?![\w~-])",
    ),
    Context("Facebook token", ("|", "%"), rf"\b(?P<secret>\d{{15,16}}[|%]{_WORD}{{27,40}})\b"),
    Context("Vault token", ("s.",), rf"(?<![\w.])(?P<secret>s\.{_ALNUM}{{24}})\b", is_drawn),
    Context(
        "password",
        ("password",),
        r"(?i:<add\s{1,9}key=\"\w{0,30}password\"\s{1,9}value=)\"(?P<secret>[^\"\n]{1,256})\"",
    ),
    Context("MaxMind key", ("_mmk",), rf"\b(?P<secret>{_ALNUM}{{6}}_{_ALNUM}{{29}}_mmk)\b"),
)
"""What tells the secrets that have no beginning of their own."""
