"""`make bench`: each figure beside its target. Nothing here fails because a machine is slow."""

from itertools import chain

from tests.bench import client, own_device, protocol
from tests.bench.relay import growth, peers, shared, throughput


def main() -> None:
    """Print one line a figure."""
    print(f"{'':4} {'figure':60} {'measured':>24} {'target':>10} {'beyond':>10}")  # noqa: T201 - a report
    for row in chain(
        throughput.rows(),
        peers.rows(),
        growth.rows(),
        shared.rows(),
        client.rows(),
        protocol.rows(),
        own_device.rows(),
    ):
        print(f"{row.id:4} {row.figure:60} {row.measured:>24} {row.target:>10} {row.beyond:>10}")  # noqa: T201 - as above


main()
