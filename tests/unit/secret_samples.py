"""Labelled texts: those that hold a secret, and those that only look like it.

The secrets are drawn anew in the form that each issuer documents; none of them opens anything.
"""

import base64
import random
import re
import string
from collections.abc import Mapping

_ALPHABETS: Mapping[str, str] = {
    "alnum": string.ascii_letters + string.digits,
    "lower": string.ascii_lowercase + string.digits,
    "upper": string.ascii_uppercase + string.digits,
    "hex": string.digits + "abcdef",
    "digit": string.digits,
    "word": string.ascii_letters + string.digits + "_-",
    "base64": string.ascii_letters + string.digits + "+/",
    "sign": string.ascii_letters + string.digits + "!#%&*+=?^~",
}
_DRAWN = re.compile(r"<(\w+):(\d+)>")

SECRETS: Mapping[str, str] = {
    "1Password service account": "ops_eyJ<alnum:250>",
    "Airtable": "pat<alnum:14>.<hex:64>",
    "Alibaba access key": "LTAI<alnum:20>",
    "Anthropic": "sk-ant-api03-<word:93>AA",
    "Artifactory": "AKCp<alnum:69>",
    "Atlassian": "ATATT3<word:180>=<upper:8>",
    "AWS access key": "AKIA<upper:16>",
    "AWS temporary access key": "ASIA<upper:16>",
    "AWS secret key in credentials": "aws_secret_access_key = <base64:40>",
    "AWS secret key in JSON": '"SecretAccessKey": "<base64:40>"',
    "Azure client secret": "<alnum:3>8Q~<word:34>",
    "Azure storage": "AccountName=shop;AccountKey=<base64:86>==;EndpointSuffix=core.windows.net",
    "Azure shared access signature": "https://shop.example/c?sv=2024-11-04&sig=<base64:43>%3D",
    "Basic header": "Authorization: Basic <basic>",
    "Basic header in curl": "curl -H 'Authorization: Basic <basic>' https://shop.example",
    "Bearer header": "Authorization: Bearer <word:40>",
    "ClickHouse": "4b1d<alnum:38>",
    "Cloudflare origin CA": "v1.0-<hex:24>-<hex:146>",
    "curl user": "curl -u deploy:<sign:12> https://shop.example",
    "Databricks": "dapi<hex:32>",
    "DigitalOcean": "dop_v1_<hex:64>",
    "Discord webhook": "https://discord.com/api/webhooks/<digit:18>/<word:68>",
    "Docker Hub": "dckr_pat_<word:27>",
    "Docker config": '{"auths": {"registry.example": {"auth": "<basic>"}}}',
    "Doppler": "dp.pt.<alnum:43>",
    "Dynatrace": "dt0c01.<upper:24>.<upper:64>",
    "Facebook": "<digit:16>|<word:30>",
    "Fly.io": "fo1_<word:43>",
    "GitHub classic": "ghp_<alnum:36>",
    "GitHub fine-grained": "github_pat_<alnum:22>_<alnum:59>",
    "GitHub app": "ghs_<alnum:36>",
    "GitLab": "glpat-<word:20>",
    "GitLab routable": "glpat-<word:27>.01.<lower:9>",
    "GitLab runner": "glrt-<word:20>",
    "GitLab CI job": "glcbt-64_<word:20>",
    "Google API key": "AIza<word:35>",
    "Google OAuth secret": "GOCSPX-<word:28>",
    "Google OAuth access": "ya29.<word:100>",
    "Grafana": "glsa_<alnum:32>_<hex:8>",
    "Groq": "gsk_<alnum:52>",
    "Harness": "pat.<word:22>.<alnum:24>.<alnum:20>",
    "Heroku": "HRKU-AA<word:58>",
    "Hugging Face": "hf_<alnum:34>",
    "JSON password": '{"user": "deploy", "password": "correcthorse"}',
    "JSON API key": '{"api_key": "<alnum:24>"}',
    "JSON web token": "eyJ<word:33>.eyJ<word:60>.<word:43>",
    "key in an environment file": "SHOP_API_KEY=<alnum:32>",
    "key in YAML": "client_secret: <alnum:32>",
    "Kubernetes secret": "kind: Secret\ndata:\n  admin: <base64:20>",
    "LangSmith": "lsv2_pt_<hex:32>_<hex:10>",
    "Linear": "lin_api_<alnum:40>",
    "MaxMind": "<alnum:6>_<alnum:29>_mmk",
    "netrc": "machine shop.example login deploy password <sign:14>",
    "New Relic": "NRAK-<upper:27>",
    "Notion": "ntn_<digit:11><alnum:35>",
    "npm": "npm_<alnum:36>",
    "npmrc": "//registry.example/:_authToken=<alnum:36>",
    "NVIDIA": "nvapi-<word:64>",
    "Octopus Deploy": "API-<upper:26>",
    "OpenAI": "sk-proj-<word:74>T3BlbkFJ<word:74>",
    "OpenAI legacy": "sk-<alnum:20>T3BlbkFJ<alnum:20>",
    "OpenShift": "sha256~<word:43>",
    "password in a connection string": "Server=db;User Id=deploy;Password=<sign:14>;",
    "password in a command": "PGPASSWORD=<alnum:14> psql shop",
    "password in code": 'connect(password="<sign:14>")',
    "password in quotes": "password: 'swordfish'",
    "passphrase of several words": 'passphrase: "correct horse battery staple"',
    "password in prose": "the password is <alnum:12>",
    "password in a URL": "postgresql://deploy:<alnum:10>@db.example/shop",
    "password in a Redis URL": "redis://:<alnum:16>@cache.example:6379/0",
    "Perplexity": "pplx-<alnum:48>",
    "PGP private key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n<base64:64>\n=<base64:4>\n"
    "-----END PGP PRIVATE KEY BLOCK-----",
    "PKCS #8 private key": "-----BEGIN PRIVATE KEY-----\n<base64:64>\n<base64:20>==\n"
    "-----END PRIVATE KEY-----",
    "PKCS #8 private key without its lines": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n<base64:64>\n"
    "<base64:64>",
    "PKCS #1 private key without its lines": "MIIEpAIBAAKCAQEA<base64:48>\n<base64:64>",
    "OpenSSH private key": "-----BEGIN OPENSSH PRIVATE KEY-----\n<base64:70>\n"
    "-----END OPENSSH PRIVATE KEY-----",
    "PuTTY private key": "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n<base64:48>\n"
    "Private-MAC: <hex:64>",
    "age key": "AGE-SECRET-KEY-1<upper:58>",
    "PlanetScale": "pscale_tkn_<word:43>",
    "Postman": "PMAK-<hex:24>-<hex:34>",
    "Pulumi": "pul-<hex:40>",
    "PyPI": "pypi-AgEIcHlwaS5vcmc<word:120>",
    "Replicate": "r8_<alnum:37>",
    "RubyGems": "rubygems_<hex:48>",
    "SendGrid": "SG.<word:22>.<word:43>",
    "Sentry": "sntryu_<hex:64>",
    "Shopify": "shpat_<hex:32>",
    "Slack bot": "xoxb-<digit:12>-<digit:12>-<alnum:24>",
    "Slack app": "xapp-1-A<upper:10>-<digit:13>-<hex:64>",
    "Slack webhook": "https://hooks.slack.com/services/T<upper:8>/B<upper:8>/<alnum:24>",
    "Square": "sq0atp-<word:22>",
    "Stripe": "sk_live_<alnum:24>",
    "Stripe restricted": "rk_test_<alnum:24>",
    "Supabase": "sbp_<hex:40>",
    "Tailscale": "tskey-auth-<alnum:17>-<alnum:32>",
    "Teams webhook": "https://shop.webhook.office.com/webhookb2/<hex:8>@<hex:8>/IncomingWebhook/<hex:32>/<hex:36>",
    "Telegram": "<digit:10>:AA<word:33>",
    "Terraform Cloud": "<alnum:14>.atlasv1.<word:67>",
    "token in a URL": "https://<alnum:40>@git.example/shop.git",
    "token in a query": "https://shop.example/hook?access_token=<alnum:32>",
    "Twilio": "SK<hex:32>",
    "unnamed hexadecimal key": "the key for staging is <hex:32>",
    "Vault": "hvs.<word:95>",
    "webhook secret": "whsec_<base64:32>",
    "xAI": "xai-<alnum:80>",
}
"""By what it is: a text that holds it, with `<alphabet:length>` for what is drawn."""

ORDINARY = (
    "sk-learn and risk-averse people",
    "commit 9f2c1e7ab4d09f2c1e7ab4d09f2c1e7ab4d09f2c",
    "sha256:4b1d2f7ab4d09f2c1e7ab4d09f2c1e7ab4d09f2c1e7ab4d09f2c1e7ab4d09f2c",
    "https://example.com/a:b@c",
    "git clone ssh://git@git.example/shop.git, or https://shop.example:8443/x?y=z@home",
    "the bearer of this letter, a Bearer token, Bearer authentication",
    "AKIA is a prefix, so are ghp_, xoxb- and AIza",
    "Basic authentication is off; basic usage is shown below",
    "The token has expired; request a new token: it takes a minute.",
    "password: required, at least 12 characters",
    '{"password": "is required"}',
    '{"password": "required", "token": "missing"}',
    '{"properties": {"password": {"type": "string"}, "token": {"type": "string"}}}',
    "password=None, token=None, api_key=os.environ['API_KEY']",
    "token = tokens[index + 1]; secret = read_secret(path)",
    "password: ${DB_PASSWORD}, token: {{ secrets.GITHUB_TOKEN }}, key: <your-api-key>",
    "api_key: ********, secret: xxxxxxxxxxxx, password: [redacted]",
    "client_secret=$CLIENT_SECRET curl $URL",
    "def __init__(self, password: bytes, secrets: dict[str, Secret2]) -> None:",
    "The API key: see docs/keys.md, secret: kubernetes.io/tls",
    "token_count=1024 tokens: 4096 max_tokens=2048",
    "primary key: order_id, foreign key: customer_id, public_key: none",
    "KeyError: 'shipping_address' in line 42 of cart.py",
    "cache-key-d41d8cd98f00b204e9800998ecf8427e was not found",
    "id 2489e9ad-2ee2-8e00-8ec9-32d5f69181c0, idempotency key 2026-11-28T10:00:00Z",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n"
    "-----END PUBLIC KEY-----",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5Wn2bZ deploy@shop.example",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    "sk-translation-of-the-checkout-page and sk-SK are locales",
    "const passwordField = document.querySelector('#password')",
    "WHERE password_changed_at < now() AND token_id = :token_id",
    "s.addEventListenerForCheckouts() returns s.length",
    "src/components/PasswordReset.tsx:118:24 - error TS2345",
    "Password reset: users get two mails (HO-12-shop)",
    "the secret to fast tests: no sleeps; the key: small steps",
    "signature=valid sig=ok Authorization: required",
    "login form, then password field stays empty on Safari 17.4",
    "curl -u $USER:$PASSWORD https://shop.example; curl --user-agent probe:1",
    "eyJhbGciOiJub25lIn0 alone is a header",
    "npm_config_registry, npm_lifecycle_event, pypi-publish, hf_hub, key-value",
    "POST /oauth/token 401 in 38 ms; GET /api/keys 200",
    "Session key rotation every 24h; access key last used 2026-11-02",
    "the tokenizer's tokens: Iterable[Token], secret: Optional[str]",
)
"""Texts without a secret."""


def drawn(seed: int) -> Mapping[str, tuple[str, list[str]]]:
    """Return of each kind its text, and the parts of it that no reader may see."""
    source = random.Random(seed)
    samples: dict[str, tuple[str, list[str]]] = {}
    for kind, shape in SECRETS.items():
        parts: list[str] = []

        def draw(found: re.Match[str], parts: list[str] = parts) -> str:
            text = "".join(source.choices(_ALPHABETS[found[1]], k=int(found[2])))
            parts.append(text)
            return text

        def basic(_: re.Match[str], parts: list[str] = parts) -> str:
            text = "".join(source.choices(_ALPHABETS["alnum"], k=12))
            parts.append(base64.b64encode(f"deploy:{text}".encode()).decode())
            return parts[-1]

        text = _DRAWN.sub(draw, re.sub("<basic>", basic, shape))
        samples[kind] = text, [max(parts, key=len)] if parts else _words_of(kind)
    return samples


def _words_of(kind: str) -> list[str]:
    """Return the secret of a kind whose text is a word that somebody chose."""
    return [re.findall(r"correct[\w ]*|swordfish", SECRETS[kind])[-1]]
