"""A real process is killed at each save, sync and send of writing, collecting and reading."""

import itertools
import tempfile
from pathlib import Path

from tests.client.simulated_relay import SimulatedRelay
from tests.hostile.killed_processes import CALLS, has_strace, new_pair, tell
from tests.torture.turn import CannotRun, Counts, Turn


def run(turn: Turn) -> Counts:
    """Kill at each call in turn; what the time does not suffice for is counted as left."""
    if not has_strace():
        raise CannotRun("strace is missing")
    done = turn.done
    for verb, call in itertools.product(("send", "sync", "read"), CALLS):
        for number in itertools.count(1):
            if not turn.goes_on:
                done["kinds of call left for want of time"] += 1
                break
            was_killed, wrong = _once(verb, call, number)
            assert wrong == [], f"{verb} killed at {call} {number}: {wrong}"
            if not was_killed:
                break
            done["processes killed"] += 1
    return done


def _once(verb: str, call: str, number: int) -> tuple[bool, list[str]]:
    relay = SimulatedRelay()
    with tempfile.TemporaryDirectory() as folder, relay.served() as url:
        return tell(new_pair(Path(folder), relay, url), verb, call, number)
