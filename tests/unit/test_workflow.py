"""What taking, finishing, sending back, merging and closing make of where a ticket stands."""

from collections.abc import Mapping
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_handoff.workflow import (
    IMPLEMENTATION_ROLES,
    STAGES,
    TESTING_ROLES,
    RoleStatus,
    Stage,
    Standing,
    close,
    finish,
    merge,
    send_back,
    take,
)

STATUSES: tuple[RoleStatus, ...] = ("pending", "in_progress", "done", "skipped")
ROLE_NAMES = ("frontend", "backend", "design", "devops", "qa", "other", "test", "merged")

standings = st.builds(
    Standing,
    st.sampled_from(STAGES),
    st.dictionaries(st.sampled_from(ROLE_NAMES), st.sampled_from(STATUSES)),
)


@pytest.mark.parametrize(
    ("roles", "stage", "marked", "reached"),
    [
        ({"backend": "pending", "merged": "pending"}, "backlog", {"backend", "merged"}, "live"),
        ({"backend": "in_progress", "qa": "pending"}, "up_next", {"backend"}, "validation"),
        ({"test": "pending", "merged": "pending"}, "validation", {"merged"}, "validation"),
        ({"qa": "skipped", "merged": "done"}, "in_progress", set[str](), "live"),
        ({"qa": "pending", "merged": "pending"}, "live", set[str](), "live"),
        ({}, "backlog", set[str](), "live"),
    ],
)
def test_a_merge_finishes_what_implements_and_leaves_what_tests(
    roles: Mapping[str, RoleStatus], stage: Stage, marked: set[str], reached: Stage
) -> None:
    after = merge(Standing(stage, roles))
    assert {role for role in roles if after.roles[role] != roles[role]} == marked
    assert after.stage == reached


@given(standings)
def test_a_merge_never_moves_a_stage_backward(before: Standing) -> None:
    assert STAGES.index(merge(before).stage) >= STAGES.index(before.stage)


@given(standings)
def test_a_merge_never_marks_testers_or_what_was_through(before: Standing) -> None:
    after = merge(before)
    for role, status in before.roles.items():
        if role in TESTING_ROLES or status in ("done", "skipped"):
            assert after.roles[role] == status


@given(standings)
def test_a_second_merge_changes_nothing_more(before: Standing) -> None:
    first = merge(before)
    assert merge(first) == first


@pytest.mark.parametrize(
    ("roles", "role", "kind", "stage"),
    [
        ({"backend": "in_progress", "qa": "pending", "merged": "pending"}, "backend", "bug", 3),
        ({"backend": "in_progress", "design": "pending", "merged": "pending"}, "backend", "bug", 2),
        ({"qa": "in_progress", "backend": "done", "merged": "done"}, "qa", "bug", 4),
        ({"qa": "in_progress", "backend": "done", "merged": "pending"}, "qa", "bug", 3),
        ({"design": "pending", "merged": "pending"}, "design", "decision_needed", 4),
    ],
)
def test_the_stage_follows_from_what_is_finished(
    roles: Mapping[str, RoleStatus], role: str, kind: str, stage: int
) -> None:
    assert finish(Standing("in_progress", roles), role, "done", kind).stage == STAGES[stage]


@given(standings, st.sampled_from(ROLE_NAMES), st.sampled_from(("done", "skipped")))
def test_what_is_live_has_no_role_that_has_still_to_act(
    before: Standing, role: str, status: Literal["done", "skipped"]
) -> None:
    if before.open_roles and before.stage == "live":
        return
    after = finish(before, role, status, "bug")
    assert (after.stage == "live") <= (not after.open_roles)


@given(standings, st.sampled_from(ROLE_NAMES))
def test_what_is_sent_back_is_open_and_clear_for_whom_it_is_sent_to(
    before: Standing, role: str
) -> None:
    after = send_back(before, role)
    assert (after.status, after.roles[role]) == ("open", "pending")
    if role in IMPLEMENTATION_ROLES:
        assert after.is_clear_for(role)
        assert not any(after.is_clear_for(tester) for tester in TESTING_ROLES)


@given(standings, st.sampled_from(ROLE_NAMES))
def test_who_takes_a_role_opens_it_to_nobody_else(before: Standing, role: str) -> None:
    after = take(before, role)
    assert after.roles == {**before.roles, role: "in_progress"}
    assert after.stage in ("in_progress", "validation")


@given(standings)
def test_what_is_closed_by_hand_waits_for_nobody(before: Standing) -> None:
    after = close(before)
    assert (after.stage, after.open_roles) == ("live", [])
