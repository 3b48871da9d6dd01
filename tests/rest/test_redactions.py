"""Taking a text out of a ticket, over REST."""

from collections.abc import Mapping

import httpx2
import pytest

from tests.http.served import Served, bearer, make_token

TEXT = "Ada Lovelace, 12 Byron Road"


@pytest.fixture(scope="module")
def root(served: Served) -> Mapping[str, str]:
    """What an admin sends."""
    return bearer(make_token(served.store, "root", "admin"))


def test_an_admin_takes_a_text_out_once(
    http: httpx2.Client, ticket: str, root: Mapping[str, str]
) -> None:
    http.post(f"{ticket}/messages", json={"body": f"It is {TEXT}."})
    keyed = {**root, "Idempotency-Key": f"once-{ticket[-8:]}"}
    redacted = http.post(f"{ticket}/redact", json={"text": TEXT}, headers=keyed)
    told = redacted.json()
    assert (redacted.status_code, told["places"], told["erased"]) == (200, 1, True)
    assert http.get(f"{ticket}/messages").json()["messages"][0]["body"] == "It is [redacted]."
    again = http.post(f"{ticket}/redact", json={"text": TEXT}, headers=keyed)
    assert (again.headers["Idempotent-Replayed"], again.json()) == ("true", told)
    event = http.get(ticket).json()["events"][0]
    assert (event["kind"], event["principal_name"]) == ("ticket.redacted", "root")


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"text": "nothing like it"}, 404, "does not occur in HO-"),
        ({"text": "abc"}, 400, "at least 4 characters"),
        ({}, 400, "text is required"),
        ({"text": TEXT, "ticket": "2"}, 400, "ticket"),
    ],
)
def test_what_can_not_be_redacted_is_refused(
    http: httpx2.Client,
    ticket: str,
    root: Mapping[str, str],
    body: Mapping[str, str],
    status: int,
    told: str,
) -> None:
    refused = http.post(f"{ticket}/redact", json=body, headers=root)
    assert refused.status_code == status
    assert told in refused.json()["error"]
    assert body.get("text", "-") not in refused.text
