"""What a webhook's address may hold and the secret that signs are told to nobody else."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from tests.databases import in_store
from tests.dispatch.receiver import Answer, Receiver
from tests.http.served import Served, command
from tests.http.test_access import TICKET
from tests.webhooks.telling import add, file_ticket, order_test, webhooks_of

pytestmark = pytest.mark.proof

KEYS = ("hook-password", "hook-key")
ADDRESS = "/hook-password?key=hook-key"
SETTINGS = {"HANDOFF_LOG_LEVEL": "DEBUG", "HANDOFF_WEBHOOK_NETWORKS": "127.0.0.0/8"}


def told_in(texts: Iterable[str], secret: str, receiver: Receiver) -> list[str]:
    """Return what nobody is to be told and some of the texts tell."""
    signatures = [message.headers["webhook-signature"] for message in receiver.messages]
    assert signatures
    hidden = (*KEYS, secret.removeprefix("whsec_"), *signatures)
    written = "\n".join(texts)
    return [one for one in hidden if one in written]


def test_neither_a_log_nor_an_answer_of_a_server_tells_them(store: Path) -> None:
    said = list[str]()
    with (
        Receiver(Answer(500), Answer(), Answer(410)) as receiver,
        Served(store, **SETTINGS) as served,
    ):
        served.http.post("/api/projects", json={"name": "shop"})
        sent = {"url": receiver.url + ADDRESS, "project": "shop", "events": ["ticket"]}
        added = served.http.post("/api/webhooks", json=sent)
        for wrong in ({**sent, "events": ["all"]}, {**sent, "url": f"ftp://a{ADDRESS}"}):
            refused = served.http.post("/api/webhooks", json=wrong)
            assert refused.status_code == 400
            said.append(refused.text)
        for number in range(3):
            ticket = {**TICKET, "title": f"Fault {number}"}
            filed = served.http.post("/api/projects/shop/tickets", json=ticket)
            assert filed.status_code == 201
            receiver.wait_for(number + 1)
        webhook = f"/api/webhooks/{added.json()['webhook']['id']}"
        said.append(served.http.get("/api/webhooks").text)
        said.append(served.http.post(f"{webhook}/test").text)
        said.append(served.http.delete(webhook).text)
        said.append(served.http.get("/api/projects/shop/events").text)
        said.append(served.http.get("/metrics").text)
        status, errors = served.end()
    assert status == 0
    logged = errors.decode()
    assert "did not take it" in logged
    assert "webhook.removed" in said[-2]
    secret = added.json()["secret"]
    assert told_in([*said, logged, added.text.replace(secret, "")], secret, receiver) == []


def test_no_command_tells_them(store: Path, caller: Caller) -> None:
    with Receiver(Answer(500), Answer()) as receiver:
        added = command(store, "webhook", "add", receiver.url + ADDRESS, **SETTINGS)
        for title in ("First", "Second"):
            in_store(store, lambda desk, title=title: file_ticket(desk, caller, title))
        webhook = in_store(store, webhooks_of)[0].id
        ran = [command(store, "dispatch", **SETTINGS)]
        ran += [command(store, "webhook", *which, **SETTINGS) for which in (["list"],)]
        ran += [command(store, "webhook", do, webhook, **SETTINGS) for do in ("test", "remove")]
    assert [one.returncode for one in (added, *ran)] == [0] * 5
    assert "did not take it" in ran[0].stderr
    texts = [added.stderr, *(one.stdout + one.stderr for one in ran)]
    assert told_in(texts, added.stdout.strip(), receiver) == []


async def test_what_is_leased_shows_neither_where_it_goes_nor_what_signs_it(
    backend: Store, caller: Caller
) -> None:
    with Receiver() as receiver:
        receiver.url += ADDRESS
        added = await add(backend, receiver)
        await order_test(backend, added.webhook.id)
    leased = await backend.lease_dispatch()
    assert leased is not None
    assert leased.target is not None
    assert (leased.target.url, leased.target.secret) == (receiver.url, added.secret)
    hidden = (*KEYS, (added.secret or "").removeprefix("whsec_"))
    assert not [one for one in hidden if one in f"{leased!r} {leased.target}"]
