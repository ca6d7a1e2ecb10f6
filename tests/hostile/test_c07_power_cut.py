"""C7, C8: the power is cut during saves, and the old or the new vault is on the disk, never none.

Real saves on a real file system whose disk is a file. Needs root for loop mounts: without, it is
skipped with a word, and `make torture` counts it. `test_c07_disk` plays the same without root.
"""

import random
from pathlib import Path

import pytest

from tests.hostile.cut_vaults import DISKS, violations
from tests.images import CannotMount

SEED = 20_261_128
CUTS = 8


@pytest.mark.parametrize("on", DISKS)
def test_c7_a_power_cut_leaves_what_was_acknowledged_or_the_next(tmp_path: Path, on: str) -> None:
    chance = random.Random(SEED)  # noqa: S311 (when the power is cut)
    try:
        found = violations(tmp_path, cuts=CUTS, chance=chance, on=on)
    except CannotMount as reason:
        pytest.skip(f"NO POWER CUT WAS TRIED: {reason}")
    # A client that makes nothing durable must be found, and one that forgets the pages.
    assert bool(found) == (on != "client"), found
