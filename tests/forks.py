"""Processes forked from one that has imported what they need: a hundred of them start in seconds.

They are processes like any other: with a memory of their own, and to be killed.
"""

from multiprocessing import get_context

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "tests.backends.power_cut_process",
        "tests.backends.racer_process",
        "tests.backends.writer_process",
        "tests.dispatch.senders",
    ]
)
