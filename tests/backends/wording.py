"""What the message of an error must not hold."""

import re
from collections.abc import Iterator

from mcp_handoff.errors import HandoffError

FOREIGN = re.compile(
    r"apsw|sqlite3|sqlite_|errno|traceback|error\b|exception|[<{}>]", re.IGNORECASE
)


def assert_own_words(error: HandoffError) -> None:
    """Assert that no driver speaks in the message of an error."""
    assert not FOREIGN.search(error.message), error.message
    for cause in _causes(error):
        assert not str(cause) or str(cause) not in error.message, error.message


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause = error.__cause__ or error.__context__
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
