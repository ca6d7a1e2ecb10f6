"""The power is cut during saves of a vault on a disk of its own, until the time is over."""

import tempfile
from pathlib import Path

from tests.hostile.cut_vaults import violations
from tests.images import CannotMount
from tests.torture import turn as turns
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Cut it 25 times for each disk."""
    cuts = 0
    while turn.goes_on or not cuts:
        chance = turn.chance("power cut", cuts)
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = violations(Path(folder), cuts=25, chance=chance)
            except CannotMount as reason:
                raise turns.CannotRun(reason) from None
        assert found == [], found
        cuts += 25
        turn.done["power cuts"] = cuts
    return {"power cuts": cuts}
