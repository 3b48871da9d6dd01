"""The page of the errors: what each means, its status over REST, and what to do."""

import inspect
from collections.abc import Iterator, Mapping

from mcp_handoff.errors import HandoffError
from mcp_handoff.rest.envelopes import BUILD_TYPES, STATUSES
from website.examples import tell_story
from website.pages import code, put_together, shown, table

_BEGIN = """\
# Errors

An error has a code for programs and a message that says what is wrong and what to do. A tool's
answer has it as text, and in `structuredContent.error`; over REST it is the body. Where they help,
`fields` names each wrong field, `retry_after` says how many seconds to wait, and `state` says what
somebody else made of the thing meanwhile.
"""

_ADVICE: Mapping[str, str] = {
    "VALIDATION_ERROR": "Correct the fields that are named, all at once, and call again.",
    "MALFORMED": "Send a JSON object.",
    "ROLES_REQUIRED": "Say who has to act: `roles`.",
    "UNAUTHENTICATED": "Send a token that is valid: `mcp-handoff token create`.",
    "FORBIDDEN": "Use a token with another role or for this project, or ask an admin.",
    "NOT_FOUND": "Look at what there is; the message names what is near.",
    "METHOD_NOT_ALLOWED": "Use a method that the `Allow` header names.",
    "ALREADY_EXISTS": "Use what is there, or another name.",
    "TICKET_CLOSED": "Reopen the ticket first, or file a new one.",
    "TICKET_TAKEN": "Take another ticket; where `state` is `stale`, you may take it over.",
    "TAKEN_OVER": "Stop the work on it, and read the ticket again.",
    "ROLES_INCOMPLETE": "Finish the roles that are named, or close the ticket for another reason.",
    "OUTDATED": "Read it again, and decide anew.",
    "SUGGESTION_NOT_PENDING": "Nothing: `state` says how it was settled.",
    "EVIDENCE_CONTRADICTED": "Decline the proposal, or wait until the merge is there.",
    "PROOF_REQUIRED": "Wait until the merge was seen and its checks passed; link the repository.",
    "IDEMPOTENCY_KEY_REUSED": "Use a new key for a new call.",
    "RATE_LIMITED": "Wait for `retry_after` seconds.",
    "UNSUPPORTED": "Do without it: the API behind this server has no such call.",
    "TOOK_TOO_LONG": "Ask for less: more filters, a smaller `limit`, other words.",
    "BACKEND_UNAVAILABLE": "Call again later: nothing was changed.",
    "OUTCOME_UNKNOWN": "Look whether it was done before you call again.",
    "CONFIGURATION": "Correct the setting that is named.",
    "INTERNAL": "Tell us: this is a defect. The log has the details.",
}
"""What a caller does about each error."""


def page() -> str:
    """Return the page. Raises KeyError where an error has no advice or no status."""
    head = ("code", "meaning", "tickets API", "builds API", "what to do")
    return put_together([_BEGIN, table(head, sorted(_rows())), *_example()])


def _rows() -> Iterator[tuple[str, ...]]:
    for kind in _kinds(HandoffError):
        status, name = BUILD_TYPES[kind.code]
        meaning = " ".join((inspect.getdoc(kind) or "").split())
        statuses = str(STATUSES[kind.code]), f"{status} `{name}`"
        yield f"`{kind.code}`", meaning, *statuses, _ADVICE[kind.code]


def _kinds(root: type[HandoffError]) -> Iterator[type[HandoffError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _example() -> Iterator[str]:
    arguments, answer = tell_story().refusal
    yield "## How one looks"
    yield "Whoever comes second learns who was first, when and how:"
    yield code(shown(arguments), "json", "a call of act_on_suggestion")
    yield code(answer.text, "text", "its answer, as text")
    yield code(shown(answer.structured), "json", "and as structured content")
