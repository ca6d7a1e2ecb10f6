"""The power of a real relay is cut: what it said must be on its disk, and nothing deleted."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tests.images import CannotMount
from tests.relay.power import power_cuts
from tests.torture import turn as turns
from tests.torture.turn import Counts, Turn

AT_ONCE = 100
"""Cuts of one disk."""


def run(turn: Turn) -> Counts:
    """Cut it until the time is over."""
    done = Counter[str]()
    while turn.goes_on or not done:
        folder = Path(tempfile.mkdtemp())
        seed = turn.chance("c02", done["disks"]).getrandbits(32)
        try:
            found, did = power_cuts(
                folder,
                seed=seed,
                goes_on=lambda one: one["power cuts"] < AT_ONCE and (turn.goes_on or not one),
            )
        except CannotMount as reason:
            raise turns.CannotRun(reason) from None
        # What is wrong is left for whoever looks at it.
        assert found == [], (folder, seed, found)
        shutil.rmtree(folder)
        done += did
        done["disks"] += 1
    return done
