"""`make bench`: each figure beside its target. Nothing here fails because a machine is slow."""

import platform
import timeit
from itertools import chain

from tests.bench import client, own_device, protocol
from tests.bench.relay import growth, peers, several, shared, throughput

SQUARES = 1000


def interpreter() -> str:
    """Say which Python is measured, and how fast it is by itself.

    One that was built without optimisations takes twice as long, and what aiohttp has compiled
    does not: then the shares below are worse than they are elsewhere.
    """
    squares = timeit.repeat(f"sum(i * i for i in range({SQUARES}))", number=100, repeat=7)
    took = f"{min(squares) * 1e4:.0f} µs for the sum of {SQUARES} squares"
    return f"Python {platform.python_version()}, {took}"


def main() -> None:
    """Print one line a figure."""
    print(interpreter())  # noqa: T201 - a report
    print(f"{'':4} {'figure':60} {'measured':>24} {'target':>10} {'beyond':>10}")  # noqa: T201 - a report
    for row in chain(
        throughput.rows(),
        peers.rows(),
        growth.rows(),
        shared.rows(),
        several.rows(),
        client.rows(),
        protocol.rows(),
        own_device.rows(),
    ):
        print(f"{row.id:4} {row.figure:60} {row.measured:>24} {row.target:>10} {row.beyond:>10}")  # noqa: T201 - as above


main()
