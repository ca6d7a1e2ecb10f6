"""Devices restored from copies, or used twice at once: who is told, and how many times nobody."""

from tests.hostile.copied_devices import run_once
from tests.hostile.test_c10_c11_told import violations
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Do runs until the time is over, and count who was told."""
    done = turn.done
    number = 0
    while turn.goes_on or not number:
        ran = run_once((turn.seed, number))
        assert violations(ran) == []
        number += 1
        how = "used twice at once" if ran.is_clone else "restored"
        if {"copy", "other"} <= ran.told_by.keys() or {"first", "other"} <= ran.told_by.keys():
            who = "both people told"
        elif ran.told_by:
            who = "one device told"
        elif ran.unacknowledged:
            who = "nobody told, letters shown as not come"
        else:
            who = "all went on"
        done[f"{how}, {who}"] += 1
    return dict(sorted(done.items()))
