"""A real relay is killed under load, at start and while it stops: what it said must be so."""

from tests.relay.killing import kill_loop
from tests.torture.turn import Counts, Turn, one_after_the_other

AT_ONCE = 500
"""Kills of one store; then another is begun, so that a run can be repeated from its seed."""


def run(turn: Turn) -> Counts:
    """Kill until the time is over."""
    return one_after_the_other(turn, "c01", done="kills", most=AT_ONCE, of="stores", loop=kill_loop)
