"""Identifiers of what was made elsewhere."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from mcp_handoff.ids import id_of

MARCH = datetime(2025, 3, 1, 10, 0, 0, 123_000, tzinfo=UTC)


def test_the_same_name_and_instant_always_give_the_same_id() -> None:
    assert id_of("github:octo/shop#1", MARCH) == id_of("github:octo/shop#1", MARCH)
    assert id_of("github:octo/shop#1", MARCH) != id_of("github:octo/shop#2", MARCH)
    assert id_of("github:octo/shop#1", MARCH) != id_of("github:octo/shop#1", MARCH + timedelta(1))


def test_ids_are_uuids_of_version_7_that_sort_by_their_instant() -> None:
    made = [id_of(f"{number}", MARCH + timedelta(milliseconds=number)) for number in range(300)]
    assert made == sorted(made)
    assert {(UUID(one).version, UUID(one).variant) for one in made} == {(7, RFC_4122)}
    assert UUID(made[0]).int >> 80 == int(MARCH.timestamp() * 1_000)


def test_what_is_older_than_the_count_of_time_has_an_id_too() -> None:
    assert id_of("old", datetime(1, 1, 1, tzinfo=UTC)).startswith("00000000-0000-7")
