"""Bytes of a store's file are flipped, one or many: a box is served as it was, or not at all."""

import asyncio
import tempfile
from pathlib import Path

from tests.relay.test_c04_damage import fill, flipped, served
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Flip until the time is over."""
    files = flips = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        asyncio.run(fill(path))
        filled = path.read_bytes()
        while turn.goes_on or not files:
            chance = turn.chance("c04", files)
            some = chance.choice((1, 1, 30, 1000))
            _, wrong = served(path, flipped(filled, some, chance.getrandbits(32)))
            assert wrong == 0, files
            files += 1
            flips += some
            turn.done["damaged files"] = files
    return {"damaged files": files, "bytes flipped": flips}
