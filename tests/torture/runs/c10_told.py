"""Devices restored from copies, or used twice at once: all go on, or everybody is told."""

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
        if not ran.all_told:
            who = "all went on"
        elif max(ran.told_by.values()) <= 2:
            who = "everybody told by the second letter of each"
        else:
            who = "everybody told later, after the relay had not kept a box"
        done[f"{how}, {who}"] += 1
    return dict(sorted(done.items()))
