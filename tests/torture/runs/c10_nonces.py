"""Devices restored from copies of every age seal on: no key seals twice with one nonce."""

from tests.hostile.test_c10_c11_nonces import of_the_system, runs
from tests.torture.turn import Counts, Turn

LEAST = 10_000


def run(turn: Turn) -> Counts:
    """Do ten thousand runs, and more while there is time, a thousand with one record."""
    times = pairs = 0
    while turn.goes_on or times < LEAST:
        sealed = runs(1000, turn.seed + times, of_the_system)
        assert sealed.repeated == 0
        times += 1000
        pairs += len(sealed.pairs)
    return {"copied devices": times, "pairs of key and nonce": pairs}
