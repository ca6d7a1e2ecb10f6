"""A command at a vault that is full to the last byte is killed at each write, rename and fsync."""

import itertools
import tempfile
from pathlib import Path

from tests.bench.own_device import full_profile
from tests.client.brimful import brimful
from tests.hostile.full_vaults import CALLS, GONE, VERBS, Cut
from tests.hostile.killed_processes import has_strace
from tests.torture.turn import CannotRun, Counts, Turn


def run(turn: Turn) -> Counts:
    """Kill at each call in turn; what the time does not suffice for is counted as left."""
    if not has_strace():
        raise CannotRun("strace is missing")
    done = turn.done
    with tempfile.TemporaryDirectory() as folder:
        cut = Cut.of(Path(folder), brimful(full_profile(GONE)))
        for name, call in itertools.product(VERBS, CALLS):
            for number in itertools.count(1):
                if not turn.goes_on:
                    done["kinds of call left for want of time"] += 1
                    break
                was_killed, wrong = cut.cut(name, call, number)
                assert wrong == [], wrong
                if not was_killed:
                    break
                done[f"killed in {name}"] += 1
    return done
