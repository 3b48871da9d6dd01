"""Pruning: what has been closed for long is deleted, with all that hangs on it."""

from typing import Annotated, Protocol

from pydantic import Field

from mcp_handoff.actors import Caller
from mcp_handoff.progress import Progress
from mcp_handoff.projects import ProjectName
from mcp_handoff.schema import Record, Request, Timestamp

OLDEST_DAYS = 36_500


class Prune(Request):
    """Delete the tickets that were closed more than so many days ago, in one project or in all, and
    in all the idempotency keys that are older; with `dry_run` only count them."""

    older_than_days: Annotated[int, Field(ge=1, le=OLDEST_DAYS)]
    project: ProjectName | None = None
    dry_run: bool = False


class Pruned(Record):
    """How many tickets, closed before an instant, and how many keys are gone or would be.

    `held` are those so old that stay because an open ticket was blocked by them.
    """

    before: Timestamp
    tickets: int
    held: int
    keys: int


class PruningOperations(Protocol):
    """What a store does with what is over."""

    async def prune(self, caller: Caller, request: Prune, progress: Progress, /) -> Pruned:
        """Delete old closed tickets with their messages, suggestions, builds, history and words,
        batch after batch, each whole; what was deleted by then stays deleted if it is cut short.
        Their numbers are never given again. Raises NotFound for a project."""
        ...
