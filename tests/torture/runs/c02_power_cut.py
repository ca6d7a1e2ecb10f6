"""The power of a real relay is cut: what it said must be on its disk, and nothing deleted."""

from tests.images import CannotMount
from tests.relay.power import power_cuts
from tests.torture import turn as turns
from tests.torture.turn import Counts, Turn, one_after_the_other

AT_ONCE = 100
"""Cuts of one disk."""


def run(turn: Turn) -> Counts:
    """Cut it until the time is over."""
    try:
        return one_after_the_other(
            turn, "c02", done="power cuts", most=AT_ONCE, of="disks", loop=power_cuts
        )
    except CannotMount as reason:
        raise turns.CannotRun(reason) from None
