"""Boxes are deposited, replaced, deleted and expire on a disk of their own: none is left on it."""

import tempfile
from pathlib import Path

from tests.images import CannotMount
from tests.relay.test_d02_raw_image import BOXES, live, on_raw_disk
from tests.torture import turn as turns
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Fill and search disks until the time is over."""
    disks = 0
    while turn.goes_on or not disks:
        with tempfile.TemporaryDirectory() as folder:
            try:
                assert on_raw_disk(Path(folder), live) == (0, 0)
            except CannotMount as reason:
                raise turns.CannotRun(reason) from None
        disks += 1
        turn.done["raw disks"] = disks
    return {"raw disks": disks, "boxes searched for": disks * BOXES}
