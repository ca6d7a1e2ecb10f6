"""20,000 tries or fewer: hit, miss, wrong key and occupied take one time, by Welch's t.

And 1,500 of which another line's replies are looked at, of a relay in which a hit takes longer.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.relay import timing
from tests.relay.kit import pages, running
from tests.relay.planted import (
    finds_slowly,
    finds_very_slowly,
    reads_at_any_time,
    running_with,
)
from tests.torture.turn import CannotRun, Counts, Turn

TRIES = 20_000
FULL_SECONDS = 830
"""What so many tries of both classes take, each answered two steps of replies later."""
BESIDE, BESIDE_PLANTED = 1_500, 900
LEAST_TRIES = 600
"""Of a class: fewer may differ by chance."""
LEAST_SECONDS = 210
"""For some of them, and for what comes first: tries beside another line, some 50 ms each, and those
of a relay in which a hit takes longer, which answers at once."""


def run(turn: Turn) -> Counts:
    """Try relays in which a hit takes longer, then class 0 and class 1 as there is time for."""
    turn.needs(LEAST_SECONDS)
    done = turn.done
    _see_planted_differences(turn)
    beside = _beside(finds_very_slowly, BESIDE, turn)
    assert timing.violations(beside) == [], timing.violations(beside)
    done["tries beside another line"] = sum(map(len, beside.nanoseconds.values()))
    done["hundredths of the largest t beside it"] = round(100 * timing.largest_t(beside))
    for name, kinds, part in (("class 0", timing.ASKED, 1.0), ("class 1", timing.OFFERED, 0.5)):
        tries = turn.part_of(TRIES, in_seconds=part * FULL_SECONDS)
        if tries < LEAST_TRIES:
            raise CannotRun(f"there is time for {tries} tries of {name}, of {LEAST_TRIES} at least")
        with tempfile.TemporaryDirectory() as folder, running(*pages(Path(folder) / "s")) as relay:
            seen = timing.sample(relay, kinds, tries, turn.chance("a11", name))
        assert timing.violations(seen) == [], (name, timing.violations(seen))
        done[f"tries in {name}"] = sum(map(len, seen.nanoseconds.values()))
        done[f"hundredths of the largest t in {name}"] = round(100 * timing.largest_t(seen))
    return done


def _see_planted_differences(turn: Turn) -> None:
    at_once = {"OJAK_RELAY_REPLY_MILLISECONDS": "0"}
    with tempfile.TemporaryDirectory() as folder:
        planted = pages(Path(folder) / "s")
        with running_with(finds_slowly, *planted, environment=at_once) as relay:
            seen = timing.sample(relay, timing.ASKED, TRIES, turn.chance("a11", "planted"))
    assert _tells_by_time(seen), "a planted difference was not seen"
    beside = _beside(reads_at_any_time, BESIDE_PLANTED, turn)
    assert _tells_by_time(beside), "a planted difference beside a line was not seen"
    turn.done["tries with a planted difference, seen"] = TRIES + BESIDE_PLANTED


def _tells_by_time(seen: timing.Tries) -> bool:
    return timing.largest_t(seen) >= timing.MOST_T


def _beside(bug: Callable[[], None], tries: int, turn: Turn) -> timing.Tries:
    with tempfile.TemporaryDirectory() as folder:
        with running_with(bug, *pages(Path(folder) / "s")) as relay:
            chance = turn.chance("a11", bug.__name__)
            return timing.sample_beside(relay, timing.ASKED, tries, chance)
