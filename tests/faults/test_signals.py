"""A signal at any moment of the start ends the program, soon."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.mcp.wire import environment
from tests.proofs import SEED, WIDE

pytestmark = pytest.mark.proof

SIGNALS = 125 if WIDE else 6
"""How many for each command and signal."""

SOON = 2.0
"""Seconds from the signal to the end, beyond what the machine takes to start and end a process."""

COMMANDS = {"stdio": [], "serve": ["serve", "--port", "0"]}


@pytest.mark.timeout(60 + 10 * SIGNALS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_at_any_moment_of_the_start_ends_it(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    dice = random.Random(f"{SEED} {command} {number}")
    whole = seconds_to_serve(tmp_path / "first.db", command)
    late = [
        (moment, seconds)
        for moment in (dice.uniform(0, 1.2 * whole) for _ in range(SIGNALS))
        if (seconds := seconds_to_end(tmp_path / "handoff.db", command, moment, number))
        > SOON + whole
    ]
    assert late == []


def started(store: Path, command: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "mcp_handoff", *COMMANDS[command]],
        env=environment(store),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def seconds_to_serve(store: Path, command: str) -> float:
    """Return how long the program takes until it serves."""
    begun = time.monotonic()
    with started(store, command) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        if command == "stdio":
            process.stdin.write(b"what?\n")
            process.stdin.flush()
        said = process.stdout if command == "stdio" else process.stderr
        assert said.readline()
        seconds = time.monotonic() - begun
        process.kill()
    return seconds


def seconds_to_end(store: Path, command: str, moment: float, number: signal.Signals) -> float:
    """Send a signal so long after the start; return after how long the program had ended."""
    with started(store, command) as process:
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        begun = time.monotonic()
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            return float("inf")
        seconds = time.monotonic() - begun
    assert process.returncode in (0, 1, -number, 128 + number), process.returncode
    return seconds
