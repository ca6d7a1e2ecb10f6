"""`make bench`: each figure beside its target. Nothing here fails because a machine is slow."""

from tests.bench import own_device, protocol


def main() -> None:
    """Print one line a figure."""
    print(f"{'':4} {'figure':52} {'measured':>24} {'target':>10} {'beyond':>10}")  # noqa: T201 - a report
    for row in (*protocol.rows(), *own_device.rows()):
        print(f"{row.id:4} {row.figure:52} {row.measured:>24} {row.target:>10} {row.beyond:>10}")  # noqa: T201 - as above


main()
