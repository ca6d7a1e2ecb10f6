"""A relay of 20,000 boxes is flooded from a thousand addresses; somebody honest comes meanwhile."""

import tempfile
from pathlib import Path

from tests.relay.kit import pages, running
from tests.relay.thousand_sources import visited_while_flooded
from tests.torture.turn import Counts, Turn

CAPACITY = 20_000
FILLS_IN_SECONDS = 120
"""Longer than that many take on a busy machine."""


def run(turn: Turn) -> Counts:
    """Flood one relay until the time is over; a smaller one if there is little."""
    capacity = turn.part_of(CAPACITY, in_seconds=2 * FILLS_IN_SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        with running(*pages(Path(folder) / "store", capacity)) as relay:
            wrong, done = visited_while_flooded(
                relay, addresses=1000, goes_on=lambda _: turn.goes_on
            )
            code, err = relay.stop()
    assert wrong == [], wrong[:5]
    assert (code, len(err.splitlines())) == (0, 1), err
    return dict(done) | {"pages": capacity}
