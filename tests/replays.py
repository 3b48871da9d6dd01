"""A result as it is given again under its idempotency key."""

from typing import TypeVar

from mcp_handoff.schema import Replayable

ResultT = TypeVar("ResultT", bound=Replayable)


def replay_of(first: ResultT) -> ResultT:
    """Return what the same call gets once it was done."""
    assert not first.replayed
    return first.model_copy(update={"replayed": True})
