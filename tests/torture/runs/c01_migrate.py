"""Processes that migrate a store are killed at any time, again and again, and finished."""

from tests.relay.killed_migrations import killed_at_any_time
from tests.torture.turn import Counts, Turn, one_after_the_other

AT_ONCE = 500
"""Migrations from one seed."""


def run(turn: Turn) -> Counts:
    """Kill until the time is over."""
    return one_after_the_other(
        turn, "migrate", done="migrations", most=AT_ONCE, of="stores", loop=killed_at_any_time
    )
