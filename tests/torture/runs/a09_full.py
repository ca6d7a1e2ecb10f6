"""A relay of 20,000 boxes filled from one source and from a thousand; room comes back with time."""

import tempfile
import time
from pathlib import Path

from ojak_protocol.sync import DepositOutcome
from tests.relay.full_relay import ONE_MORE, fill, sources, violations
from tests.relay.kit import deposit, pages, request, running
from tests.torture.turn import Counts, Turn

CAPACITY = 20_000
FULL_SECONDS = 400
"""What filling and reading that many takes, and room that comes back afterwards."""
LEAST_SECONDS = 30
TTL_SECONDS = 60
"""The shortest that a deposit may ask for."""


def run(turn: Turn) -> Counts:
    """Fill it twice, and once more without limits until the time of the boxes is over.

    Where there is too little time for that, it is a smaller one.
    """
    turn.needs(LEAST_SECONDS + TTL_SECONDS)
    capacity = turn.part_of(CAPACITY, in_seconds=FULL_SECONDS)
    done = turn.done
    done["pages"] = capacity
    for count in (1, 1000):
        with tempfile.TemporaryDirectory() as folder:
            with running(*pages(Path(folder) / "store", capacity)) as relay:
                filled = fill(relay, capacity, sources(count))
                assert (wrong := violations(relay, filled)) == [], wrong
                assert relay.stop()[0] == 0
        done[f"boxes acknowledged from {count}, all there"] = len(filled.acknowledged)
        done[f"deposits refused from {count}"] = filled.outcomes[DepositOutcome.REFUSED]
        done[f"deposits without room from {count}"] = filled.outcomes[DepositOutcome.FULL]
    off = {"OJAK_RELAY_DEPOSITS_PER_MINUTE": "0"}
    with tempfile.TemporaryDirectory() as folder:
        with running(*pages(Path(folder) / "store", 2000), environment=off) as relay:
            filled = fill(relay, 2000, sources(1), ttl=TTL_SECONDS)
            assert filled.outcomes[DepositOutcome.FULL]
            began = time.monotonic()
            # It waits a second each time for what nobody brings.
            one_more = request(ONE_MORE + 1, deposits=(deposit(ONE_MORE, 1),), wait=1)
            while relay.sync(one_more).deposits != (DepositOutcome.STORED,):
                assert time.monotonic() < began + TTL_SECONDS + 60, "no room came back"
    done["seconds until room came back"] = round(time.monotonic() - began)
    return done
