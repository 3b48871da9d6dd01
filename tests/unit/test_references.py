"""How a ticket is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_handoff.references import parse_name, reference


@given(st.integers(1, 10**14), st.from_regex(r"[a-z0-9]{1,20}(-[a-z0-9]{1,20})?", fullmatch=True))
def test_a_reference_is_read_back_as_it_was_made(number: int, slug: str) -> None:
    key = parse_name(reference(number, slug))
    assert (key.number, key.project, key.id) == (number, slug, None)


@pytest.mark.parametrize(
    "name", ["", "0", "-1", "HO-0-shop", "HO-1-", "HO-1", "1.0", "١", "x" * 99]
)
def test_what_names_no_ticket_is_told_apart(name: str) -> None:
    with pytest.raises(ValueError, match="must be a uuid, a reference like"):
        parse_name(name)
