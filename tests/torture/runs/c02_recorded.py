"""The power is cut at any call of a store, any sectors of what was not synced being on the disk."""

import tempfile
from pathlib import Path

from tests.relay.cuts import cut_once
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Cut it until the time is over."""
    cuts = 0
    with tempfile.TemporaryDirectory() as folder:
        while turn.goes_on or not cuts:
            found = cut_once(Path(folder), turn.chance("c02 recorded", cuts))
            assert found == [], (cuts, found)
            cuts += 1
            turn.done["power cuts"] = cuts
    return {"power cuts": cuts}
