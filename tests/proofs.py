"""What `make wide-proofs` asks for: sets that take too long for every run, and other dice."""

import os

WIDE = os.environ.get("HANDOFF_PROOFS") == "wide"
"""Read before a fixture hides the developer's settings, as the seed is."""

SEED = int(os.environ.get("HANDOFF_SEED", "0"))


def seeds(count: int) -> range:
    """Return so many seeds: the same in every run, unless one was drawn."""
    return range(SEED, SEED + count)
