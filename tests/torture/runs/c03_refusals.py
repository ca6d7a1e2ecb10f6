"""A disk refuses one call of a store and loses what a refused sync was to write; then it is cut."""

import tempfile
from pathlib import Path

from tests.relay.cuts import refuse_once
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Refuse until the time is over."""
    refusals = 0
    with tempfile.TemporaryDirectory() as folder:
        while turn.goes_on or not refusals:
            found = refuse_once(Path(folder), turn.chance("c03", refusals))
            assert found == [], (refusals, found)
            refusals += 1
            turn.done["stories with a refused call"] = refusals
    return {"stories with a refused call": refusals}
