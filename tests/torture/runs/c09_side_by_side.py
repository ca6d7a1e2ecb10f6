"""A hundred processes at one vault at once, and a hundred that want to make it."""

import tempfile
import time
from pathlib import Path

from ojak_client.store import vault_path
from tests.client.vaults import held_lock
from tests.hostile.side_by_side import create_at_once, start_many
from tests.hostile.test_c09_side_by_side import invited
from tests.journeys.actors import world
from tests.torture.turn import Counts, Turn

STARTS = 100
SECONDS_FOR_ALL = 60
SHUT_OUT_WITHIN_SECONDS = 1.0


def run(turn: Turn) -> Counts:
    """Start a hundred and make a hundred, or fewer where there is little time, until it is over."""
    done = turn.done
    while turn.goes_on or not done:
        starts = max(2, turn.part_of(STARTS, in_seconds=SECONDS_FOR_ALL))
        with tempfile.TemporaryDirectory() as folder:
            made = create_at_once(Path(folder) / "profile" / "letters", starts)
            assert made == {"made it": 1, "found it there": starts - 1}, made
            done[f"vaults made by one of {starts}"] += 1
            with world(Path(folder)) as people:
                device = invited(people, "device", people.relay().url)
                with held_lock(vault_path(device.profile)):
                    began = time.monotonic()
                    ended = device.run("status")
                    took = time.monotonic() - began
                assert (ended.code, ended.said) == (1, ["vault-busy"])
                assert took <= SHUT_OUT_WITHIN_SECONDS, took
                done["shut out by another within a second"] += 1
                started = start_many(device, times=starts, stays_on=True)
            assert started.wrong == [], started.wrong
            done.update(started.ended)
    return done
