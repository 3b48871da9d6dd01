"""`make bench-check`: when it fails, and what it keeps. What is measured is made up here."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import processor
from benchmarks.processor import BARE, CALLS, GROWTH, KEPT, Taken

Measured = Callable[..., None]

TURNS = [0.001, 0.009, 0.001]
"""The seconds that the bare server took, in one of the turns on a busy machine."""


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Return what sets how many times as long as the bare server's create each call takes, and all
    that are not named twice; twice is kept of all."""
    kept = tmp_path / "ratios.json"
    kept.write_text(json.dumps(dict.fromkeys(CALLS, 2.0)))
    monkeypatch.setattr(processor, "KEPT", kept)

    def measure(**ratios: float) -> None:
        ratios = {BARE: 1.0, **dict.fromkeys(CALLS, 2.0), **ratios}
        taken = {name: [ratio * turn for turn in TURNS] for name, ratio in ratios.items()}

        def made_up(_: int) -> Taken:
            return taken

        monkeypatch.setattr(processor, "measure", made_up)

    return measure


def test_it_passes_while_nothing_costs_15_percent_more_than_is_kept(measured: Measured) -> None:
    measured(get_ticket=2 * GROWTH, create_ticket=0.5)
    assert processor.main([]) == 0


def test_it_fails_and_names_the_call_that_costs_more(
    measured: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    measured(get_ticket=2 * GROWTH + 0.01)
    assert processor.main([]) == 1
    unmet = [line for line in capsys.readouterr().out.splitlines() if "**no**" in line]
    assert [line.split(" | ")[0] for line in unmet] == ["| get_ticket"]


def test_it_fails_for_a_call_of_which_nothing_is_kept(measured: Measured) -> None:
    measured()
    processor.KEPT.write_text(json.dumps({name: 2.0 for name in CALLS if name != "get_ticket"}))
    assert processor.main([]) == 1


def test_what_is_measured_is_kept_when_it_is_told_to(measured: Measured) -> None:
    measured(get_ticket=4.0)
    assert processor.main(["--write"]) == 0
    assert json.loads(processor.KEPT.read_text())["get_ticket"] == 4.0
    assert processor.main([]) == 0


def test_something_is_kept_of_every_call() -> None:
    assert json.loads(KEPT.read_text()).keys() == CALLS.keys()
