"""Devices restored from copies of every age seal on: no key seals twice with one nonce."""

from tests.hostile.test_c10_c11_nonces import of_the_system, runs
from tests.torture.turn import Counts, Turn

MOST_AT_ONCE = 1000
"""Runs with one record of what was sealed."""
SECONDS_FOR_MOST = 20


def run(turn: Turn) -> Counts:
    """Do runs while there is time; in ten minutes of its own it is more than ten thousand."""
    times = pairs = 0
    while turn.goes_on or not times:
        some = max(1, turn.part_of(MOST_AT_ONCE, in_seconds=SECONDS_FOR_MOST))
        sealed = runs(some, turn.seed + times, of_the_system)
        assert sealed.repeated == 0
        times += some
        pairs += len(sealed.pairs)
        turn.done["copied devices"] = times
    return {"copied devices": times, "pairs of key and nonce": pairs}
