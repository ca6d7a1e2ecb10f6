"""A hundred processes at one vault at once, and a hundred that want to make it."""

import tempfile
from collections import Counter
from pathlib import Path

from tests.hostile.side_by_side import create_at_once, start_many
from tests.hostile.test_c09_side_by_side import invited
from tests.journeys.actors import world
from tests.torture.turn import Counts, Turn

STARTS = 100


def run(turn: Turn) -> Counts:
    """Start a hundred and make a hundred, until the time is over."""
    done = Counter[str]()
    while turn.goes_on or not done:
        with tempfile.TemporaryDirectory() as folder:
            made = create_at_once(Path(folder) / "profile" / "letters", STARTS)
            assert made == {"made it": 1, "found it there": STARTS - 1}, made
            done["vaults made by one of a hundred"] += 1
            with world(Path(folder)) as people:
                device = invited(people, "device", people.relay().url)
                started = start_many(device, times=STARTS, stays_on=True)
            assert started.wrong == [], started.wrong
            done.update(started.ended)
    return done
