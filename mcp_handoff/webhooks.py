"""Webhooks: addresses that are told what happens to the work.

They are told as Standard Webhooks has it (https://www.standardwebhooks.com), or as Slack's incoming
webhooks take it (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Protocol, get_args

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from mcp_handoff.actors import Caller
from mcp_handoff.addresses import (
    Address,
    Network,
    ip_address_of,
    is_secure,
    may_be_told,
    split_address,
)
from mcp_handoff.errors import ValidationFailed
from mcp_handoff.events import EventKind, WorkKind
from mcp_handoff.projects import ProjectName
from mcp_handoff.schema import STORABLE, Record, Request, Timestamp, Uuid

WebhookFormat = Literal["standard", "slack"]

Topic = Literal["ticket", "take", "message", "suggestion", "build", WorkKind]
"""A kind of event, or a word for several."""

TOPICS: tuple[Topic, ...] = get_args(Topic)

EVERYTHING: tuple[Topic, ...] = ("ticket", "message", "suggestion", "build")

_TAKES: Sequence[WorkKind] = ("ticket.taken",)
_KINDS: Mapping[Topic, Sequence[WorkKind]] = {
    "take": _TAKES,
    **{
        word: [kind for kind in get_args(WorkKind) if kind.startswith(f"{word}.")]
        for word in EVERYTHING
    },
}

MOST_WEBHOOKS = 50
"""How many webhooks a store has at most."""

BACKLOG = 1_000
"""From how many messages on that wait for one webhook no more are queued: what happened after them
waits in the history."""

TEST = "webhook.test"
"""What a message is that only shows whether its webhook takes any."""


def _check_address(url: str) -> str:
    if not (is_secure(url) and url.isascii() and url.isprintable() and " " not in url):
        why = (
            "must be an https:// address of ASCII characters, without spaces and without a password"
            " in it (http:// for this machine only)"
        )
        raise PydanticCustomError("address", "{why}", {"why": why})
    return url


def _without_repeats(topics: list[Topic]) -> list[Topic]:
    """Leave out each topic all of whose kinds another one stands for."""
    kept = dict[Topic, set[str]]()
    for topic in sorted(dict.fromkeys(topics), key=lambda one: -len(_kinds_of(one))):
        if not any(_kinds_of(topic) <= kinds for kinds in kept.values()):
            kept[topic] = _kinds_of(topic)
    return [topic for topic in dict.fromkeys(topics) if topic in kept]


def _kinds_of(topic: Topic) -> set[str]:
    return {*_KINDS.get(topic, (topic,))}


WebhookUrl = Annotated[
    str,
    StringConstraints(max_length=2000),
    STORABLE,
    AfterValidator(_check_address),
    Field(json_schema_extra={"format": "uri"}),
]
"""Where a webhook is told; its path may hold a key, so it is never shown again."""


class Webhook(Record):
    """A webhook as it is listed: `origin` is all that is shown of its address.

    Once switched off, `off_since` and `off_reason` say since when and why. `waiting` messages are
    still to be sent; `last_error` is how the newest attempt failed, None when it was taken.
    """

    id: str
    origin: str
    format: WebhookFormat
    events: list[Topic]
    project: str | None = None
    created_at: Timestamp
    off_since: Timestamp | None = None
    off_reason: str | None = None
    waiting: int = 0
    last_attempt_at: Timestamp | None = None
    last_taken_at: Timestamp | None = None
    last_error: str | None = None


class AddWebhook(Request):
    """Have an address told of these events, in one project or in all."""

    url: WebhookUrl
    events: Annotated[list[Topic], AfterValidator(_without_repeats)] = Field(
        default=[*EVERYTHING], min_length=1, max_length=len(TOPICS)
    )
    project: ProjectName | None = None
    format: WebhookFormat = "standard"


class AddedWebhook(Record):
    """A webhook with the secret that signs what it is told (whsec_…), which is shown this once;
    Slack takes no signatures, and has none."""

    webhook: Webhook
    secret: str | None


class ListWebhooks(Request):
    """List the webhooks."""


class WebhookList(Record):
    """Webhooks, the oldest first."""

    webhooks: list[Webhook]


class RemoveWebhook(Request):
    """Tell a webhook nothing more."""

    webhook_id: Uuid


class RemovedWebhook(Record):
    """The webhook that was removed."""

    webhook: Webhook


class WebhookTest(Request):
    """Send a webhook a message that only shows whether it takes any."""

    webhook_id: Uuid


class WebhookUnderTest(Record):
    """The webhook, before the message is sent."""

    webhook: Webhook


class WebhookOperations(Protocol):
    """What a store does with webhooks."""

    async def add_webhook(self, caller: Caller, request: AddWebhook, /) -> AddedWebhook:
        """Have an address told what happens from now on. Raises ValidationFailed when there are
        MOST_WEBHOOKS."""
        ...

    async def list_webhooks(self, caller: Caller, request: ListWebhooks, /) -> WebhookList:
        """List the webhooks."""
        ...

    async def remove_webhook(self, caller: Caller, request: RemoveWebhook, /) -> RemovedWebhook:
        """Tell a webhook nothing more, of what waits neither. Raises NotFound."""
        ...

    async def test_webhook(self, caller: Caller, request: WebhookTest, /) -> WebhookUnderTest:
        """Leave a message for a webhook in the outbox that is sent once. One that was switched off
        and takes it is switched on again, for what happens from then on. Raises NotFound."""
        ...

    async def queue_events(self) -> bool:
        """Leave what has happened in the outbox, for the webhooks that want to hear of it; return
        whether anybody is told anything: a webhook that is not switched off, or a test's."""
        ...


def wants(topics: Sequence[Topic], kind: EventKind) -> bool:
    """Tell whether whoever chose these topics wants to hear of an event."""
    return any(kind in _kinds_of(topic) for topic in topics)


def unreachable_address(url: str, networks: Sequence[Network]) -> Address | None:
    """Return the IP address in a webhook's URL if nothing is sent there; None for one that is
    public or in these networks, and for a name, which is looked up when something is sent."""
    address = ip_address_of(split_address(url).hostname or "")
    return None if address is None or may_be_told(address, networks) else address


def require_reachable(url: str, networks: Sequence[Network]) -> None:
    """Refuse a webhook at an address that is never connected to (ValidationFailed)."""
    if address := unreachable_address(url, networks):
        why = f"names {address}, which HANDOFF_WEBHOOK_NETWORKS does not allow"
        raise ValidationFailed.at("url", why, "take a public one, or allow it and serve again")


def require_room(count: int) -> None:
    """Refuse one more webhook than a store has (ValidationFailed)."""
    if count >= MOST_WEBHOOKS:
        raise ValidationFailed(f"There are {MOST_WEBHOOKS} webhooks, the most; remove one first.")


def new_secret() -> str:
    """Return a secret that signs what a webhook is told: 256 random bits, as Standard Webhooks
    writes them."""
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()
