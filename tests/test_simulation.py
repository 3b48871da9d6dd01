"""The simulation of creates on PostgreSQL, where the outcome can be worked out on paper."""

import pytest

from benchmarks.create_costs import Costs
from benchmarks.replicas import Case
from benchmarks.simulation import Setting, Simulation

pytestmark = pytest.mark.proof

MS = 0.001


def rate(
    case: Case,
    cores: int = 64,
    *,
    python: float = 0,
    database: float = 0,
    commit: float = 0.01 * MS,
    heard: float = 0,
) -> float:
    """Return the creates a second, each of which holds its project for its COMMIT alone."""
    whole = python + database + commit
    costs = Costs(whole, python, database, commit, locked=commit, heard=heard, served=python)
    return Simulation(costs, Setting(case, cores)).run().rate


def test_creates_in_one_project_wait_for_each_others_commit() -> None:
    assert rate(Case(4, 1), commit=2 * MS) == pytest.approx(500, rel=0.02)


def test_those_in_many_projects_are_written_to_disk_together() -> None:
    assert rate(Case(4, 1_000), commit=2 * MS) > 5_000


def test_a_process_has_no_more_than_one_core() -> None:
    assert rate(Case(1, 1_000), python=2 * MS) == pytest.approx(500, rel=0.02)
    assert rate(Case(3, 1_000), python=2 * MS) == pytest.approx(1_500, rel=0.02)


def test_nor_do_all_together_have_more_than_there_are() -> None:
    assert rate(Case(4, 1_000), 2, python=1 * MS, database=1 * MS) == pytest.approx(1_000, rel=0.02)


def test_hearing_of_all_costs_each_process_its_time() -> None:
    alone = rate(Case(4, 1_000), python=1 * MS)
    assert rate(Case(4, 1_000), python=1 * MS, heard=1 * MS) == pytest.approx(alone / 4, rel=0.05)
