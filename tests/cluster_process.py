"""A process that keeps one cluster for as long as somebody holds the lock on a file.

Called with that file; writes the cluster's URL to standard output. The kernel lets go of the lock
of a test run however that ends, so that no cluster is ever left behind.
"""

import fcntl
import sys
from pathlib import Path

from tests.clusters import cluster


def main(users: Path) -> None:
    with cluster() as started, users.open("w") as lock:
        print(started.url, flush=True)  # noqa: T201 - this is how it speaks
        fcntl.flock(lock, fcntl.LOCK_EX)
        users.with_name("url").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
