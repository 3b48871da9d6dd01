"""Which privilege a user lacks, where the database only says that one is missing."""

import re

from psycopg import errors

from mcp_handoff.postgres.transaction import Connection, set_search_path


def missing_grant(
    connection: Connection,
    denied: errors.InsufficientPrivilege,
    search_path: str | None,
    *,
    writing: bool,
) -> str | None:
    """Return what to GRANT on the table or schema that was denied, None if that is not the reason.

    Their names stand in the message in whatever language; which privilege was missing does not.
    https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS
    """
    names = re.findall(r"\w+", denied.diag.message_primary or "")
    connection.rollback()
    with connection.transaction():
        if search_path:
            set_search_path(connection, search_path)
        grants = connection.execute(_MISSING, {"names": names, "writing": writing}).fetchall()
    needed = " and ".join(f"GRANT {grant['grant']}" for grant in grants)
    return f"its user needs {needed}" if needed else None


_MISSING = b"""
    SELECT format('%%s ON %%I', string_agg(privilege, ', ' ORDER BY place), relname) AS grant
    FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'])
        WITH ORDINALITY AS privileges (privilege, place)
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
        AND relname = ANY (%(names)s) AND (place = 1 OR %(writing)s)
        AND NOT has_table_privilege(c.oid, privilege)
    GROUP BY relname
    UNION ALL
    SELECT format('CREATE ON SCHEMA %%I', current_schema())
    WHERE current_schema() = ANY (%(names)s)
        AND NOT has_schema_privilege(current_schema(), 'CREATE')
"""
