"""A real relay is killed under load, at start and while it stops: what it said must be so."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from tests.relay.killing import kill_loop
from tests.torture.turn import Counts, Turn

AT_ONCE = 500
"""Kills of one store; then another is begun, so that a run can be repeated from its seed."""


def run(turn: Turn) -> Counts:
    """Kill until the time is over."""
    done = Counter[str]()
    while turn.goes_on or not done:
        folder = Path(tempfile.mkdtemp())
        seed = turn.chance("c01", done["stores"]).getrandbits(32)
        found, did = kill_loop(
            folder,
            seed=seed,
            goes_on=lambda one: one["kills"] < AT_ONCE and (turn.goes_on or not one),
        )
        # What is wrong is left for whoever looks at it.
        assert found == [], (folder, seed, found)
        shutil.rmtree(folder)
        done += did
        done["stores"] += 1
    return done
