"""What a merge does to a ticket's roles and its stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_handoff.workflow import STAGES, Stage, merge

STATUSES = ("pending", "in_progress", "done", "skipped")
ROLE_NAMES = ("frontend", "backend", "design", "devops", "qa", "other", "test", "merged")

boards = st.dictionaries(st.sampled_from(ROLE_NAMES), st.sampled_from(STATUSES))
stages = st.sampled_from(STAGES)


@pytest.mark.parametrize(
    ("roles", "stage", "marked", "reached"),
    [
        ({"backend": "pending", "merged": "pending"}, "backlog", ["backend", "merged"], "live"),
        ({"backend": "in_progress", "qa": "pending"}, "up_next", ["backend"], "validation"),
        ({"test": "pending", "merged": "pending"}, "validation", ["merged"], "validation"),
        ({"qa": "skipped", "merged": "done"}, "in_progress", [], "live"),
        ({"qa": "pending", "merged": "pending"}, "live", [], "live"),
        ({}, "backlog", [], "live"),
    ],
)
def test_a_merge_finishes_what_implements_and_leaves_what_tests(
    roles: dict[str, str], stage: Stage, marked: list[str], reached: Stage
) -> None:
    change = merge(roles, stage)
    assert (change.roles_marked_done, change.stage) == (marked, reached)


@given(boards, stages)
def test_a_merge_never_moves_a_stage_backward(roles: dict[str, str], stage: Stage) -> None:
    assert STAGES.index(merge(roles, stage).stage) >= STAGES.index(stage)


@given(boards, stages)
def test_a_merge_never_marks_testers_or_what_was_done(roles: dict[str, str], stage: Stage) -> None:
    for role in merge(roles, stage).roles_marked_done:
        assert role not in ("qa", "test")
        assert roles[role] in ("pending", "in_progress")


@given(boards, stages)
def test_a_second_merge_changes_nothing_more(roles: dict[str, str], stage: Stage) -> None:
    first = merge(roles, stage)
    after = {**roles, **dict.fromkeys(first.roles_marked_done, "done")}
    second = merge(after, first.stage)
    assert (second.roles_marked_done, second.stage) == ([], first.stage)
