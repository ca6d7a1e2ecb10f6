"""A relay is stopped, drained or killed in the middle of 100 syncs, and another takes its place."""

import tempfile
from pathlib import Path

from tests.relay.kit import pages
from tests.relay.test_drain import SYNCS, changed_over, drained, killed, stopped
from tests.torture.turn import Counts, Turn

LEAST_SECONDS = 10
"""What is left in its middle has threads that go on asking for some seconds."""


def run(turn: Turn) -> Counts:
    """Change over until the time is over."""
    done = 0
    turn.needs(LEAST_SECONDS)
    while turn.goes_on or not done:
        end = turn.chance("c06", done).choice((stopped, drained, killed))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store"
            told, has, in_the_end = changed_over(end, *pages(path, 200), path=path)
        assert told == has, (end.__name__, told - has)
        assert in_the_end == set(range(SYNCS)), end.__name__
        done += 1
        turn.done["changeovers"] = done
    return {"changeovers": done, "syncs": done * SYNCS}
