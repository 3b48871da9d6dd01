"""What the other side may write into Retry-After."""

import pytest

from mcp_handoff.retry_after import seconds_of


@pytest.mark.parametrize(
    "header",
    [
        "Wed, 21 Oct 9999999999 07:28:00 GMT",
        "Wed, 21 Oct 2015 07:28:00 +99999999",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "9" * 400,
        "soon",
        "-1",
        "",
    ],
)
def test_no_header_breaks_whoever_reads_it(header: str) -> None:
    asked = seconds_of(header)
    assert asked is None or asked >= 0


def test_a_number_and_a_date_are_seconds() -> None:
    assert seconds_of("120") == 120
    assert seconds_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert seconds_of(None) is None
