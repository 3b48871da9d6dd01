"""How a command is run: on a backend, as a person at this machine."""

import gc
import logging
import re
import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from mcp_handoff.actors import Actor
from mcp_handoff.backend import Backend, Store
from mcp_handoff.config import Settings
from mcp_handoff.desk import Desk, Visitor
from mcp_handoff.errors import HandoffError, Misconfigured, ValidationFailed
from mcp_handoff.text.characters import one_line, visible
from mcp_handoff.text.masking import mask
from mcp_handoff.wiring import claim_store

BackendT = TypeVar("BackendT", bound=Backend)


_TYPED: Mapping[str, str] = {
    "events": "--events",
    "expires_days": "--expires",
    "grace_minutes": "--grace",
    "merge_sha": "--sha",
    "older_than_days": "--older-than",
    "pr_number": "--pr",
    "projects": "--project",
    "repo": "--repo",
    "slug": "--slug",
    "url": "URL",
    "webhook_id": "ID",
}
"""How a person types the fields that are called otherwise at the command line."""


def run_at_desk(
    backend: Backend, settings: Settings, use: Callable[[Desk, Visitor], Awaitable[None]]
) -> int:
    """Do what a person at this machine asks for; they may do everything."""
    visitor = Visitor("cli", Actor(role="user", source="cli", id=settings.actor_id))
    return run(backend, settings, lambda _: use(Desk(backend, settings), visitor))


def run(backend: BackendT, settings: Settings, use: Callable[[BackendT], Awaitable[None]]) -> int:
    async def claim_and_use(backend: BackendT) -> None:
        if isinstance(backend, Store):
            await claim_store(backend, settings)
        await use(backend)

    return use_and_close(backend, claim_and_use)


def use_and_close(backend: BackendT, use: Callable[[BackendT], Awaitable[None]]) -> int:
    """Use a backend, whosever organization it holds."""

    async def work() -> None:
        try:
            await use(backend)
        finally:
            await backend.close()

    return run_async(work)


def run_async(work: Callable[[], Awaitable[None]]) -> int:
    import anyio

    end_work_on_ctrl_c()
    gc.freeze()  # what was loaded by now stays
    gc.enable()
    anyio.run(work)
    return 0


def end_work_on_ctrl_c() -> None:
    """Have Ctrl-C cancel the work from here on, which then ends in good order."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def write_log(level: str) -> None:
    """Write the log to stderr, from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LogFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


class _LogFormatter(logging.Formatter):
    """Masks what a record holds, and leaves out what steers a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(mask(super().format(record)))


def complain(error: HandoffError) -> int:
    """Tell an error on stderr, and return the status that the program ends with: 2 for wrong use,
    else 1."""
    message = error.message
    for name in error.fields:
        field = name.partition(".")[0]
        typed = _TYPED.get(field, field)
        message = re.sub(rf"(?<![\w-]){re.escape(name)}(?!\w)", typed, message)
    print(f"mcp-handoff: {one_line(message)}", file=sys.stderr)
    return 2 if isinstance(error, Misconfigured | ValidationFailed) else 1


def file_named(text: str) -> Path:
    """Return the path that an argument names; - is wrong use where a file is read twice or made as
    a whole."""
    if text == "-":
        raise ArgumentTypeError("- is no file; name one")
    return Path(text)


def counted(number: int, noun: str) -> str:
    """Return how many there are of something, in words."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith('ch') else 's'}"


def line_of(*fields: str | None) -> str:
    """Return others' words as columns of one line."""
    return "  ".join(one_line(str(field)) for field in fields)
