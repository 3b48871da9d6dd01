"""Deliveries as forges send them, to a server as teams run it."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mcp_handoff.http.body_limit import LARGE_DELIVERIES
from mcp_handoff.merges import ForgeName
from mcp_handoff.repositories import LinkRepository
from tests import requests
from tests.databases import in_store
from tests.hooks.deliveries import FOLDER, HEADERS
from tests.hooks.test_signatures import signature_of
from tests.http.served import OPERATOR, Served, bearer, command, make_token
from tests.http.test_operation import calls, figures
from tests.mcp.wire import TIMEOUT

pytestmark = pytest.mark.proof

MEGABYTE = 2**20
MOST = 25 * MEGABYTE

PUSHES: Mapping[ForgeName, tuple[str, str, str]] = {
    "github": ("push", "github/push", "Codertocat/Hello-World"),
    "gitlab": ("Push Hook", "gitlab/push", "acme/web/shop"),
    "forgejo": ("push", "forgejo/push", "acme/shop"),
}
"""By forge: an event, what is recorded of it, and the repository that it is of."""

FORGES: list[ForgeName] = [*PUSHES]

SHOP = replace(OPERATOR, project="shop")


class Forge:
    """A forge that delivers what happens in one repository."""

    def __init__(self, served: Served, name: ForgeName, secret: str) -> None:
        self.served, self.secret = served, secret
        self.name: ForgeName = name
        self.event, recorded, _ = PUSHES[name]
        self.body = (FOLDER / f"{recorded}.json").read_bytes()
        self.address = f"/api/hooks/{name}"

    def deliver(self, delivery_id: str, body: bytes | None = None) -> httpx2.Response:
        body = self.body if body is None else body
        headers = self.headers(delivery_id, body)
        return self.served.http.post(self.address, content=body, headers=headers)

    def headers(self, delivery_id: str, body: bytes) -> dict[str, str]:
        event_header, delivery_header = HEADERS[self.name]
        named = {event_header: self.event, delivery_header: delivery_id}
        return named | {"content-type": "application/json"} | self.proof(body)

    def proof(self, body: bytes) -> dict[str, str]:
        """Return the header by which a body is known to be this repository's."""
        if self.name == "gitlab":
            return {"x-gitlab-token": self.secret}
        digest = signature_of(body, self.secret)
        if self.name == "github":
            return {"x-hub-signature-256": f"sha256={digest}"}
        return {"x-forgejo-signature": digest}

    def padded(self, length: int) -> bytes:
        """Return the body with spaces in it until it is so long."""
        return self.body[:1] + b" " * (length - len(self.body)) + self.body[1:]


def link(store: Path, forge: ForgeName) -> str:
    """Link a forge's repository to project shop; return its secret."""
    request = LinkRepository(name=PUSHES[forge][2], forge=forge)
    return in_store(store, lambda opened: opened.link_repository(SHOP, request)).secret


@pytest.fixture(scope="module")
def secrets(shared_store: Path) -> dict[ForgeName, str]:
    """The secret of each forge's repository, linked to project shop."""
    return {name: link(shared_store, name) for name in FORGES}


@pytest.fixture(scope="module")
def token(shared_store: Path, secrets: dict[ForgeName, str]) -> str:
    return make_token(shared_store, "ada", "reader")


@pytest.fixture(scope="module")
def served(shared_store: Path, token: str) -> Iterator[Served]:
    """A server that asks for tokens."""
    with Served(shared_store, HANDOFF_LOG_LEVEL="DEBUG") as running:
        yield running


@pytest.fixture(params=FORGES)
def forge(served: Served, secrets: dict[ForgeName, str], request: pytest.FixtureRequest) -> Forge:
    return Forge(served, request.param, secrets[request.param])


@pytest.fixture
def github(served: Served, secrets: dict[ForgeName, str]) -> Forge:
    return Forge(served, "github", secrets["github"])


def counted(served: Served, token: str, outcome: str) -> float:
    """Return how many deliveries ended so."""
    text = served.http.get("/metrics", headers=bearer(token)).text
    name = f"{calls('hooks', 'take_delivery', outcome)} "
    found = [line.removeprefix(name) for line in text.splitlines() if line.startswith(name)]
    return float(found[0]) if found else 0.0


def refusal(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def begun(forge: Forge, **headers: str) -> socket.socket:
    """Begin a delivery whose body is announced and does not come."""
    host, _, port = forge.served.url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=TIMEOUT)
    told = {"Host": f"{host}:{port}", "Content-Length": "1000", **headers}
    lines = [f"POST {forge.address} HTTP/1.1", *(f"{key}: {told[key]}" for key in told)]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def test_a_delivery_is_taken_once_under_the_secret_alone(forge: Forge) -> None:
    answers = [forge.deliver("once") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json() for answer in answers] == [
        {"taken": "now"},
        {"taken": "before"},
        {"taken": "before"},
    ]
    assert forge.deliver("another").json() == {"taken": "now"}


def test_an_event_that_nobody_uses_is_taken(forge: Forge) -> None:
    forge.event = "star"
    assert forge.deliver("star").json() == {"taken": "now"}


def test_a_forge_may_know_the_repository_by_other_case(forge: Forge) -> None:
    named = PUSHES[forge.name][2]
    body = forge.body.replace(named.encode(), named.upper().encode())
    assert forge.deliver("case", body).status_code == 200


def test_what_a_delivery_tells_is_shown_with_the_ticket(store: Path) -> None:
    in_store(store, lambda opened: opened.create_ticket(SHOP, requests.create_ticket()))
    secret = link(store, "github")
    with Served(store) as served:
        forge = Forge(served, "github", secret)
        forge.event = "pull_request"
        told: dict[str, Any] = json.loads((FOLDER / "github/pull_request_opened.json").read_bytes())
        told["pull_request"]["body"] = "Closes HO-1"
        assert forge.deliver("opened", json.dumps(told).encode()).json() == {"taken": "now"}
        shown = served.http.get("/api/projects/shop/tickets/1").json()
    [change] = shown["changes"]
    assert (change["name"], change["state"]) == ("Codertocat/Hello-World#2", "open")
    assert change["closes"] is True


def test_an_unlinked_repository_is_nowhere_and_counted(
    forge: Forge, served: Served, token: str
) -> None:
    before = counted(served, token, "NOT_FOUND")
    named = PUSHES[forge.name][2].encode()
    body = forge.body.replace(named, b"acme/unheard-of")
    assert refusal(forge.deliver("unlinked", body)) == (404, "NOT_FOUND")
    assert counted(served, token, "NOT_FOUND") == before + 1


def test_a_wrong_signature_is_refused_and_counted(forge: Forge, served: Served, token: str) -> None:
    before = counted(served, token, "UNAUTHENTICATED")
    secret, forge.secret = forge.secret, "mhh_" + "x" * 43
    refused = forge.deliver("wrong")
    assert refusal(refused) == (401, "UNAUTHENTICATED")
    assert secret not in refused.text
    assert counted(served, token, "UNAUTHENTICATED") == before + 1
    forge.secret = secret
    assert forge.deliver("wrong").json() == {"taken": "now"}, "a refusal is no delivery"


def test_the_secret_of_one_repository_signs_for_no_other(
    served: Served, secrets: dict[ForgeName, str]
) -> None:
    forge = Forge(served, "github", secrets["forgejo"])
    assert refusal(forge.deliver("borrowed")) == (401, "UNAUTHENTICATED")


def test_a_delivery_without_a_signature_is_refused_before_its_body_comes(forge: Forge) -> None:
    token = make_token(forge.served.store, f"{forge.name}-admin", "admin")
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        with begun(forge, **headers) as connection:
            assert connection.recv(1_000).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_deliveries_are_posted(forge: Forge, method: str) -> None:
    refused = forge.served.http.request(method, forge.address)
    assert refusal(refused) == (405, "METHOD_NOT_ALLOWED")
    assert refused.headers["Allow"] == "POST"


@pytest.mark.parametrize("name", ["bitbucket", "GitHub", "gitea", "%00"])
def test_a_forge_that_is_not_known_is_nowhere(github: Forge, name: str) -> None:
    github.address = f"/api/hooks/{name}"
    refused = github.deliver("unknown")
    assert refusal(refused) == (404, "NOT_FOUND")
    assert "github, gitlab, forgejo" in refused.text


def test_a_form_is_refused_with_what_to_set(github: Forge) -> None:
    refused = github.deliver("form", b"payload=%7B%7D")
    assert refusal(refused) == (400, "MALFORMED")
    assert "application/json" in refused.json()["error"]


def test_25_megabytes_are_taken_and_no_byte_more(github: Forge) -> None:
    assert github.deliver("long", github.padded(MOST)).json() == {"taken": "now"}
    for length in (MOST + 1, 26 * MEGABYTE):
        assert github.deliver("longer", github.padded(length)).status_code == 413


def test_a_long_body_that_no_header_announces_is_cut_off(github: Forge) -> None:
    body = github.padded(MOST + 1)
    parts = (body[at : at + MEGABYTE] for at in range(0, len(body), MEGABYTE))
    headers = github.headers("chunks", body)
    answer = github.served.http.post(github.address, content=parts, headers=headers)
    assert answer.status_code == 413


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measured with Linux's /proc")
def test_a_long_body_is_held_once(store: Path) -> None:
    secret = link(store, "github")
    with Served(store) as served:
        forge = Forge(served, "github", secret)
        forge.deliver("first")
        before = peak_of(served)
        assert forge.deliver("long", forge.padded(MOST)).status_code == 200
        assert peak_of(served) - before < 1.5 * MOST


def peak_of(served: Served) -> int:
    """Return the most memory that a server has had so far, in bytes."""
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    [peak] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak.split()[1]) * 1024


def test_a_body_that_does_not_come_is_given_up(github: Forge) -> None:
    with begun(github, **github.headers("slow", b"")) as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 408 ")


def test_those_who_send_long_bodies_slowly_keep_no_other_waiting_for_long(github: Forge) -> None:
    with ExitStack() as held:
        slow = github.headers("slow", b"") | {"Content-Length": str(MOST)}
        for _ in range(LARGE_DELIVERIES):
            held.enter_context(begun(github, **slow))
        with begun(github, **slow) as one_more:
            assert one_more.recv(1_000).startswith(b"HTTP/1.1 503 ")
        assert github.deliver("short beside long ones").json() == {"taken": "now"}


def test_another_host_is_refused_though_the_signature_is_right(forge: Forge) -> None:
    headers = forge.headers("host", forge.body) | {"host": "evil.example"}
    refused = forge.served.http.post(forge.address, content=forge.body, headers=headers)
    assert refusal(refused) == (403, "FORBIDDEN")


def test_a_server_that_only_reads_takes_none(store: Path) -> None:
    secrets = {name: link(store, name) for name in FORGES}
    with Served(store, HANDOFF_READ_ONLY="1") as served:
        for name in FORGES:
            forge = Forge(served, name, secrets[name])
            assert refusal(forge.deliver("read-only")) == (403, "FORBIDDEN")
        assert figures(served)[calls("hooks", "take_delivery", "FORBIDDEN")] == len(FORGES)


def test_nothing_is_told_of_a_repository_that_was_unlinked(store: Path) -> None:
    secret = link(store, "github")
    with Served(store) as served:
        forge = Forge(served, "github", secret)
        assert forge.deliver("linked").status_code == 200
        assert command(store, "repo", "unlink", PUSHES["github"][2]).returncode == 0
        assert refusal(forge.deliver("unlinked")) == (404, "NOT_FOUND")
        forge.secret = link(store, "github")
        assert forge.deliver("linked").json() == {"taken": "now"}


def test_no_secret_is_in_a_log_or_an_answer(store: Path) -> None:
    secrets = {name: link(store, name) for name in FORGES}
    said = list[str]()
    with Served(store, HANDOFF_LOG_LEVEL="DEBUG") as served:
        for name in FORGES:
            forge = Forge(served, name, secrets[name])
            for body in (forge.body, forge.body, b"{}", b"x", forge.body.replace(b"acme", b"a")):
                said.append(forge.deliver("told", body).text)
            forge.secret = secrets[name] + "x"
            said.append(forge.deliver("told").text)
        said.append(served.http.get("/api/repositories").text)
        _, errors = served.end()
    written = "".join(said) + errors.decode()
    assert '"door": "hooks"' in written
    assert not [secret for secret in secrets.values() if secret in written]


def test_a_server_over_an_api_has_no_such_address(github: Forge, token: str, store: Path) -> None:
    api = f"{github.served.url}/api"
    with Served(store, HANDOFF_BACKEND=api, HANDOFF_API_TOKEN=token) as served:
        github.served = served
        assert refusal(github.deliver("behind")) == (404, "NOT_FOUND")
        with begun(github) as connection:
            assert connection.recv(1_000).startswith(b"HTTP/1.1 404 ")
