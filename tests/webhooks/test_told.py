"""What a webhook is told: of the events that it asked for, what the history says of each."""

from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from mcp_handoff.actors import Caller
from mcp_handoff.backend import Store
from mcp_handoff.builds import CreateBuild
from mcp_handoff.projects import CreateProject
from tests import requests
from tests.clock import SteppedClock
from tests.dispatch.receiver import Receiver
from tests.http.served import OPERATOR
from tests.webhooks.telling import DESK, add, dispatcher_of, file_ticket, kinds, say, tell

pytestmark = pytest.mark.proof

STORY = [
    "ticket.created",
    "ticket.taken",
    "message.added",
    "suggestion.created",
    "suggestion.declined",
    "build.triggered",
    "build.running",
    "build.failed",
    "ticket.updated",
    "ticket.closed",
    "message.added",
    "build.created",
]
"""What happens in `happen`."""

WORDS = {
    "description": "the customer's name is Pemberton",
    "body": "Pemberton called again",
    "evidence": "seen by Pemberton",
    "note": "Pemberton moved to another shop",
    "metadata": "made for Pemberton",
}
"""What is said of a ticket and of its build, by the field that it is said in."""


async def happen(desk: Store, caller: Caller) -> None:
    """Have a ticket filed, worked on and closed, and a build registered that is of no ticket."""
    await desk.create_ticket(caller, requests.create_ticket(description=WORDS["description"]))
    await desk.take_ticket(caller, requests.take_ticket("backend", ticket=1, note=WORDS["note"]))
    await say(desk, caller, "1", WORDS["body"])
    claim = requests.suggest_close(1, evidence={"seen": WORDS["evidence"]})
    suggested = await desk.suggest_close(caller, claim)
    declined = requests.decline(suggested.suggestion.id, reason="Not yet")
    await desk.act_on_suggestion(caller, declined)
    await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
    [build] = (await desk.find_builds(caller, requests.find_builds())).items
    for status in ("running", "failed"):
        await desk.report_build(caller, requests.report_build(status, build_id=build.id))
    description = f"{WORDS['description']}, and she is angry"
    await desk.update_ticket(caller, requests.update_ticket(1, description=description))
    closing = requests.update_ticket(1, close_as="wont_fix", note=WORDS["note"])
    await desk.update_ticket(caller, closing)
    registered = CreateBuild(
        org="default", build_ref="img@1", display_name="Shop", provider="docker"
    )
    await desk.create_build(OPERATOR, registered)


async def heard(desk: Store, caller: Caller, **asked: Any) -> list[str]:
    """Return of which events of `happen` a webhook hears."""
    with Receiver() as receiver:
        await add(desk, receiver, **asked)
        await happen(desk, caller)
        await tell(desk)
    return kinds(receiver)


async def test_a_webhook_that_asks_for_nothing_special_hears_of_all_that_happens_in_its_order(
    desk: Store, caller: Caller
) -> None:
    assert await heard(desk, caller) == STORY


@pytest.mark.parametrize(
    ("topics", "told"),
    [
        (["ticket"], ["ticket.created", "ticket.taken", "ticket.updated", "ticket.closed"]),
        (["take"], ["ticket.taken"]),
        (["message"], ["message.added"] * 2),
        (["suggestion"], ["suggestion.created", "suggestion.declined"]),
        (["build"], ["build.triggered", "build.running", "build.failed", "build.created"]),
        (["build.failed", "ticket.closed"], ["build.failed", "ticket.closed"]),
        (["take", "ticket.taken", "ticket.created"], ["ticket.created", "ticket.taken"]),
        (["ticket.reopened"], []),
    ],
    ids=",".join,
)
async def test_a_webhook_hears_of_the_kinds_that_it_asked_for_and_of_each_once(
    desk: Store, caller: Caller, topics: list[str], told: list[str]
) -> None:
    assert await heard(desk, caller, events=topics) == told


async def test_a_webhook_of_one_project_hears_of_no_other_and_of_nothing_outside_all(
    desk: Store, caller: Caller
) -> None:
    for slug in ("shop", "depot"):
        await desk.create_project(OPERATOR, CreateProject(name=slug))
    with Receiver() as all_of_it, Receiver() as depot:
        await add(desk, all_of_it)
        await add(desk, depot, project="depot")
        await happen(desk, caller)
        await file_ticket(desk, replace(caller, project="depot"))
        await tell(desk)
    assert kinds(all_of_it) == [*STORY, "ticket.created"]
    assert [message.data["ticket"] for message in depot.messages] == ["HO-1-depot"]


async def test_a_message_says_what_happened_to_what_who_did_it_and_where_to_read_more(
    desk: Store, caller: Caller, clock: SteppedClock
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver, events=["ticket.created", "ticket.updated"])
        reference = await file_ticket(desk, caller, "Checkout fails: “500”")
        clock.advance(minutes=7)
        await desk.update_ticket(caller, requests.update_ticket(1, priority="high"))
        await tell(desk)
    ticket = await desk.get_ticket(caller, requests.get_ticket(1))
    about = {
        "project": "shop",
        "ticket": reference,
        "title": "Checkout fails: “500”",
        "actor_role": "bot",
        "actor_id": "agent-1",
        "source": "bot",
        "principal_id": "local",
        "principal_name": "local",
        "subject_id": ticket.ticket.id,
        "url": f"{DESK}/tickets/{reference}",
    }
    created, updated = (message.told for message in receiver.messages)
    roles = ["backend", "merged"]
    assert created == {
        "type": "ticket.created",
        "timestamp": "2026-11-02T09:30:00.000Z",
        "data": {**about, "after": {"status": "open", "stage": "backlog", "roles": roles}},
    }
    assert updated == {
        "type": "ticket.updated",
        "timestamp": "2026-11-02T09:37:00.000Z",
        "data": {**about, "before": {"priority": "medium"}, "after": {"priority": "high"}},
    }


async def test_a_message_is_verified_with_the_secret_that_was_shown_and_with_no_other(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as receiver, Receiver() as other:
        shown = await add(desk, receiver, events=["ticket"])
        others = await add(desk, other, events=["ticket"])
        await file_ticket(desk, caller, "Checkout fails: “500”")
        await tell(desk)
    assert shown.secret is not None
    assert others.secret is not None
    message = receiver.first()
    assert Webhook(shown.secret).verify(message.body, dict(message.headers)) == message.told
    assert message.headers["content-type"] == "application/json"
    for secret, body in ((others.secret, message.body), (shown.secret, message.body + " ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, dict(message.headers))
    assert receiver.ids() != other.ids()


async def test_a_webhook_hears_nothing_of_what_happened_before_it_was_added(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as early, Receiver() as late:
        await add(desk, early)
        before = await file_ticket(desk, caller, "Before")
        await add(desk, late)
        after = await file_ticket(desk, caller, "After")
        await tell(desk)
    assert [message.data["ticket"] for message in early.messages] == [before, after]
    assert [message.data["ticket"] for message in late.messages] == [after]


@pytest.mark.parametrize("form", ["standard", "slack"])
async def test_no_text_of_a_ticket_or_of_a_build_but_the_title_goes_out(
    desk: Store, caller: Caller, form: str
) -> None:
    with Receiver() as receiver:
        await add(desk, receiver, format=form)
        await happen(desk, caller)
        [*_, build] = (await desk.find_builds(caller, requests.find_builds())).items
        said = {"description": WORDS["description"], "metadata": {"for": WORDS["metadata"]}}
        await desk.update_build(caller, requests.update_build(build.id, **said))
        await desk.update_ticket(caller, requests.update_ticket(1, title="Checkout works"))
        await tell(desk)
    assert len(receiver.messages) == len(STORY) + 2
    assert not [message.body for message in receiver.messages if "Pemberton" in message.body]
    assert "Checkout works" in receiver.messages[-1].body


async def test_slack_is_told_a_line_for_each_event_and_nothing_is_signed(
    desk: Store, caller: Caller
) -> None:
    with Receiver() as receiver:
        added = await add(desk, receiver, events=["ticket.created", "take"], format="slack")
        reference = await file_ticket(desk, caller)
        await desk.take_ticket(caller, requests.take_ticket("backend", ticket=1))
        await tell(desk)
    assert added.secret is None
    ticket = f"<{DESK}/tickets/{reference}|{reference}>"
    assert [message.told for message in receiver.messages] == [
        {"text": f"{ticket} Checkout fails: filed by agent-1 (bot), without a token"},
        {"text": f"{ticket} Checkout fails: taken by agent-1 (bot), without a token"},
    ]
    assert "webhook-signature" not in receiver.first().headers


async def test_a_run_goes_to_the_receiver_of_builds_and_what_happens_to_it_to_the_webhooks(
    desk: Store, caller: Caller
) -> None:
    await file_ticket(desk, caller)
    with Receiver() as receiver, Receiver() as builds:
        await add(desk, receiver, events=["build"])
        await desk.trigger_bot_build(caller, requests.trigger_bot_build(1))
        await dispatcher_of(desk, builds).send_due()
    assert kinds(builds) == ["build.triggered"]
    assert kinds(receiver) == ["build.triggered", "build.dispatched"]
