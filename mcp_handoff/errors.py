"""Every way in which a call can fail, once.

Each error has a stable `code` for programs and a message of our own words that says what to do.
An edge (tool result, exit code) maps them in a table of its own; a caller learns nothing else.
"""

from collections.abc import Mapping
from typing import ClassVar, Self


class HandoffError(Exception):
    """The root of the tree.

    `fields` names every wrong field with what is allowed; `retry_after` is in seconds;
    `state` is the state that a race was lost to.
    """

    code: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        state: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        self.retry_after = retry_after
        self.state = state

    @classmethod
    def at(cls, field: str, why: str, advice: str) -> Self:
        """Return the error of one field: what is wrong with it, and what to do."""
        return cls(f"{field} {why}; {advice}.", fields={field: why})


class ValidationFailed(HandoffError):
    """One or more fields are wrong; nothing was stored."""

    code = "VALIDATION_ERROR"


class Malformed(ValidationFailed):
    """What came is not JSON, or not an object."""

    code = "MALFORMED"


class RolesRequired(ValidationFailed):
    """A bot filed a ticket for nobody."""

    code = "ROLES_REQUIRED"


class Unauthenticated(HandoffError):
    """The caller did not say who it is, or could not prove it."""

    code = "UNAUTHENTICATED"


class Forbidden(HandoffError):
    """The caller is known and may not do this."""

    code = "FORBIDDEN"


class NotFound(HandoffError):
    """There is no such thing, or not in this project."""

    code = "NOT_FOUND"


class MethodNotAllowed(HandoffError):
    """There is something at this address, and it takes no such method."""

    code = "METHOD_NOT_ALLOWED"


class AlreadyExists(HandoffError):
    """The name is taken."""

    code = "ALREADY_EXISTS"


class TicketClosed(HandoffError):
    """The ticket is closed: it takes no more builds, and no proposal to close it."""

    code = "TICKET_CLOSED"


class TicketTaken(HandoffError):
    """Somebody else holds the role; `state` says whether its time is over."""

    code = "TICKET_TAKEN"


class TakenOver(HandoffError):
    """The caller held the role until somebody took it over."""

    code = "TAKEN_OVER"


class RolesIncomplete(HandoffError):
    """The ticket can't be closed as finished: roles have still to act."""

    code = "ROLES_INCOMPLETE"


class Outdated(HandoffError):
    """What was to be changed was changed since the caller saw it."""

    code = "OUTDATED"


class SuggestionNotPending(HandoffError):
    """The suggestion was acted on, or it expired; `state` says which."""

    code = "SUGGESTION_NOT_PENDING"


class EvidenceContradicted(HandoffError):
    """A machine has seen that what a suggestion claims is not so."""

    code = "EVIDENCE_CONTRADICTED"


class ProofRequired(HandoffError):
    """Nobody but the caller says that the change was merged, and here that is not enough."""

    code = "PROOF_REQUIRED"


class IdempotencyKeyReused(HandoffError):
    """The key was used before with other arguments."""

    code = "IDEMPOTENCY_KEY_REUSED"


class RateLimited(HandoffError):
    """Too many calls; `retry_after` says when to come back."""

    code = "RATE_LIMITED"


class Unsupported(HandoffError):
    """The backend has no such operation."""

    code = "UNSUPPORTED"


class TookTooLong(HandoffError):
    """The store gave up reading: the same again takes as long, so ask for less."""

    code = "TOOK_TOO_LONG"


class BackendUnavailable(HandoffError):
    """The backend did not do it, and may later; nothing was changed."""

    code = "BACKEND_UNAVAILABLE"


class OutcomeUnknown(HandoffError):
    """The backend may or may not have done it: look before trying again."""

    code = "OUTCOME_UNKNOWN"


class Misconfigured(HandoffError):
    """A setting is wrong; the program does not start with it."""

    code = "CONFIGURATION"


class Internal(HandoffError):
    """A defect of ours; the log has the details."""

    code = "INTERNAL"
