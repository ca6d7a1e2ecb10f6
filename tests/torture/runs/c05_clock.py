"""The system's clock jumps while a box lies there: it ages by the time that passes."""

import asyncio
import tempfile
from pathlib import Path

from tests.relay.test_c05_clock import YEAR, kept_over
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Jump until the time is over."""
    jumps = 0
    while turn.goes_on or not jumps:
        chance = turn.chance("c05", jumps)
        jump = chance.choice((1, 60, 3600, 86_400, YEAR, 20 * YEAR)) * chance.uniform(-1, 1)
        with tempfile.TemporaryDirectory() as folder:
            assert asyncio.run(kept_over(jump, Path(folder))) == (True, False), jump
        jumps += 1
        turn.done["jumps"] = jumps
    return {"jumps": jumps}
