"""How PostgreSQL's own programs copy a store into a file and back."""

import re
import shlex
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from mcp_handoff.postgres.opening import parts_of

_SECRETS = ("password", "sslpassword")

_SEARCH_PATH = re.compile(r"-c\s*search_path=[\"']?([^\s,\"']+)")


def dumping(url: str, file: Path) -> str:
    """Return the command that copies a store into a file of its owner's alone; its password is
    asked for, or is in PGPASSWORD or the password file."""
    given, schema = _place(url)
    only = ["--schema", schema] if schema else []
    into = ("--format=custom", "--file", str(file))
    return f"(umask 077; {shlex.join(['pg_dump', *into, *only, '--dbname', given])})"


def restoring(url: str, file: Path) -> str:
    """Return the command that makes a store from such a file, where there is none."""
    given, _ = _place(url)
    safely = ("--exit-on-error", "--single-transaction", "--no-owner")
    return shlex.join(["pg_restore", *safely, "--dbname", given, str(file)])


def _place(url: str) -> tuple[str, str | None]:
    """Return what libpq is told, without secrets, and the schema that holds the store where it is
    not the user's own."""
    given, ours = parts_of(url)
    named = _SEARCH_PATH.search(str(given.get("options", "")))
    schema = ours.get("search_path", named[1] if named else "").split(",")[0].strip(' "')
    known: dict[str, Any] = {
        name: value
        for name, value in given.items()
        if name not in (*_SECRETS, "options") and value is not None
    }
    return make_conninfo("", **known), schema or None
