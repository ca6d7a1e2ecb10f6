"""20,000 tries or fewer: hit, miss, wrong key and occupied take one time, by Welch's t."""

import tempfile
from pathlib import Path

from tests.relay import timing
from tests.relay.kit import pages, running
from tests.relay.planted import finds_slowly, running_with
from tests.torture.turn import Counts, Turn

TRIES = 20_000
FULL_SECONDS = 600
"""What so many tries of both classes take, each answered at the next step of replies."""
LEAST_SECONDS = 60
"""For some of them, and for the relay in which a hit takes longer, which answers at once."""


def run(turn: Turn) -> Counts:
    """Try class 0 and class 1 half the tries each, and then a relay in which a hit takes longer."""
    turn.needs(LEAST_SECONDS)
    tries = turn.part_of(TRIES, in_seconds=FULL_SECONDS + LEAST_SECONDS)
    done = turn.done
    for name, kinds in (("class 0", timing.ASKED), ("class 1", timing.OFFERED)):
        with tempfile.TemporaryDirectory() as folder, running(*pages(Path(folder) / "s")) as relay:
            seen = timing.sample(relay, kinds, tries, turn.chance("a11", name))
        assert timing.violations(seen) == [], (name, timing.violations(seen))
        done[f"tries in {name}"] = sum(map(len, seen.nanoseconds.values()))
        done[f"hundredths of the largest t in {name}"] = round(100 * timing.largest_t(seen))
    at_once = {"OJAK_RELAY_REPLY_MILLISECONDS": "0"}
    with tempfile.TemporaryDirectory() as folder:
        planted = pages(Path(folder) / "s")
        with running_with(finds_slowly, *planted, environment=at_once) as relay:
            seen = timing.sample(relay, timing.ASKED, TRIES, turn.chance("a11", "planted"))
    assert timing.violations(seen), "a planted difference was not seen"
    done["tries with a planted difference, seen"] = TRIES
    return done
