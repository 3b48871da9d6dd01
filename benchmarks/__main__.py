"""`python -m benchmarks` prints the tables of docs/performance.md, all from one run."""

import argparse

import anyio

from benchmarks import (
    api,
    crowd,
    machine,
    memory,
    peers,
    reading,
    replicas,
    scale,
    simulation,
    stdio,
    subscribers,
    throughput,
)

_NOTE = (
    "Times are p50 (p99). Each turn goes to every side once, in an order that is drawn;"
    " ratios are the median over the turns."
)


def main() -> None:
    options = _parser().parse_args()
    print(f"Measured on {machine.facts()}. {_NOTE}\n")
    print(stdio.compare(options.rounds, options.calls, options.starts), flush=True)
    if options.peers:
        print(f"\n{peers.compare(options.peers)}", flush=True)
    print(f"\n{reading.weigh()}", flush=True)
    print(f"\n{api.compare(options.rounds, options.calls, options.starts)}", flush=True)
    print(f"\n{crowd.gather()}", flush=True)
    print(f"\n{throughput.compare(options.rounds * options.loads, options.calls)}", flush=True)
    print(f"\n{replicas.compare(options.rounds, options.seconds)}", flush=True)
    print(f"\n{simulation.compare(options.rounds, options.seconds)}", flush=True)
    for store in subscribers.STORES:
        table = subscribers.compare(store, options.streams, subscribers.PROCESSES, options.changes)
        print(f"\n{table}", flush=True)
    print(f"\n{memory.sustain(options.sustained)}", flush=True)
    if options.tickets:
        print(f"\n{anyio.run(scale.grow, options.tickets, options.calls)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="how often the servers file tickets")
    add("--peers", type=int, default=3, help="how often other servers file; 0 skips them")
    add("--calls", type=int, default=400, help="calls of each kind, in each round and store")
    add(
        "--loads", type=int, default=3, help="loads over HTTP a round: many even out a busy machine"
    )
    add("--seconds", type=int, default=3, help="how long a side writes to PostgreSQL in a round")
    add("--streams", type=int, default=10_000, help="how many streams listen to four servers")
    add("--changes", type=int, default=20, help="how many writes most of them hear")
    add("--sustained", type=int, default=20_000, help="calls in each era that leave memory flat")
    add("--starts", type=int, default=15, help="how often both servers are started")
    sizes = [1_000, 1_000_000, 5_000_000]
    add(
        "--tickets", type=int, nargs="*", default=sizes, help="sizes of the stores; none skips them"
    )
    return parser


if __name__ == "__main__":
    main()
