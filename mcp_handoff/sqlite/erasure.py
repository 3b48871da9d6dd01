"""Leaving nothing in the file of what was deleted from it."""

import apsw

from mcp_handoff.sqlite.transaction import execute


def erase_deleted(connection: apsw.Connection) -> bool:
    """Write the file anew, without what is left of deleted rows in its pages, in its index of terms
    and in its log; tell whether the log could be emptied, which others may be reading.

    SQLite overwrites nothing that it deletes unless it is told to before, and moves rows about
    (https://sqlite.org/pragma.html#pragma_secure_delete); FTS5 only marks the rows of an index
    without content (https://sqlite.org/fts5.html, section 4.4.3).
    """
    execute(connection, "PRAGMA temp_store = FILE")  # as large as the file itself
    execute(connection, "INSERT INTO ticket_terms (ticket_terms) VALUES ('optimize')")
    execute(connection, "VACUUM")
    [(is_busy, *_)] = execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    return not is_busy
