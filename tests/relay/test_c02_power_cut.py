"""C2, D3: the power of a real relay is cut: nothing acknowledged is lost, nothing deleted is there.

Not in the store, and not anywhere on the raw disk. Needs root for loop mounts: without, it is
skipped with a word, and `make torture` counts it. `test_c02_cuts` plays the same without root.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.images import CannotMount
from tests.relay.power import power_cuts

SEED = 20_261_128
CUTS = 8
CUTS_AT_MOST = 4 * CUTS
"""A busy machine acknowledges little between two of them."""

NO_SYNC = """
from ojak_relay.store.page_file import PageFile
PageFile.sync = lambda self: None
"""

NOT_OVERWRITTEN = """
honest = commits.Committer._write
commits.Committer._write = lambda self, writes: honest(self, [one for one in writes if one[1]])
"""


@pytest.mark.parametrize("bug", ["", NO_SYNC, NOT_OVERWRITTEN], ids=["none", "no sync", "kept"])
def test_c2_a_power_cut_of_a_real_relay_loses_nothing_and_leaves_nothing(
    tmp_path: Path, bug: str
) -> None:
    try:
        found, done = power_cuts(
            tmp_path, seed=SEED, goes_on=lambda done: _wants_more(done, bug), bug=bug
        )
    except CannotMount as reason:
        pytest.skip(f"NO POWER CUT WAS TRIED: {reason}")
    assert bool(found) == bool(bug), found
    assert bug or _compared(done) > CUTS


def _wants_more(done: Counter[str], bug: str) -> bool:
    few = not bug and _compared(done) <= CUTS
    return done["power cuts"] < (CUTS_AT_MOST if few else CUTS)


def _compared(done: Counter[str]) -> int:
    return min(done["acknowledged boxes compared"], done["deletions compared"])
