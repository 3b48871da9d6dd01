"""Calls: what was asked at which door, how it ended and how long it took."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from mcp_handoff.errors import HandoffError, Internal

Door = Literal["mcp", "rest", "portal", "cli", "hooks"]

OK = "OK"
CANCELLED = "CANCELLED"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Call:
    """One call; `outcome` is OK, CANCELLED or the code of its error, `seconds` what it took beside
    the seconds that it `waited` because it was asked to, `client` the IP address that it came from,
    where it came over a network."""

    door: Door
    operation: str
    principal: str
    outcome: str = CANCELLED
    seconds: float = 0.0
    client: str | None = None
    waited: float = 0.0


Observe = Callable[[Call], None]
"""Takes note of a call that ended."""


def log_call(call: Call) -> None:
    """Write a call down, without anything that it said."""
    facts = {
        "door": call.door,
        "operation": call.operation,
        "principal": call.principal,
        "client": call.client,
        "outcome": call.outcome,
        "ms": round(call.seconds * 1000, 2),
    }
    logger.info("%s %s", call.operation, call.outcome, extra=facts)


@contextmanager
def observed(observe: Observe, call: Call) -> Generator[None]:
    """Time a call and have it noted when it ends, however it ends."""
    begun = time.perf_counter()
    try:
        yield
        call.outcome = OK
    except HandoffError as error:
        call.outcome = error.code
        raise
    except Exception:
        call.outcome = Internal.code
        raise
    finally:
        call.seconds = time.perf_counter() - begun - call.waited
        observe(call)
