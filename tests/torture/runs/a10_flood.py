"""One source floods a relay with boxes at random places; two people meet there all the same."""

import tempfile
import threading
from collections import Counter
from pathlib import Path

from ojak_protocol.sync import DepositOutcome
from tests.journeys.actors import World, world
from tests.journeys.test_meeting import LETTER, NORTH, SOUTH
from tests.relay.full_relay import asking
from tests.relay.kit import Relay, deposit, request, sync_over
from tests.torture.turn import Counts, Turn

FLOOD = "127.66.66.66"
TRIES = 20
"""Within so many visits two people are to have met."""


def run(turn: Turn) -> Counts:
    """Tell a story after the other until the time is over, each at a relay of its own."""
    done = turn.done
    while turn.goes_on or not done:
        with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as people:
            visits = _meet(people, turn.seed + done["stories"], done)
        assert visits <= TRIES, "they did not meet"
        done["stories"] += 1
        done["visits until they met"] += visits
    return done


def _meet(people: World, seed: int, done: Counter[str]) -> int:
    made = people.relay(capacity=2000)
    assert made.child is not None
    stop = threading.Event()
    flooding = threading.Thread(target=_flood, args=(made.port, seed, stop, done))
    flooding.start()
    try:
        host = people.own("host", made.url)
        number = host.invite("어머니", SOUTH)
        host.send("어머니", LETTER)
        host.keep()
        for visit in range(1, TRIES + 1):
            phone = people.borrowed(f"phone {visit}", made.url)
            if phone.meet(number, NORTH).letters == [LETTER]:
                return visit
        return TRIES + 1
    finally:
        stop.set()
        flooding.join()


def _flood(port: int, seed: int, stop: threading.Event, done: Counter[str]) -> None:
    relay = Relay(None, "127.0.0.1", port)  # type: ignore[arg-type]  # only its address is used
    number = 1_000_000 * (1 + seed % 1000)
    with asking(relay, FLOOD) as line:
        while not stop.is_set():
            asked = request(deposits=tuple(deposit(n, 1) for n in range(number, number + 16)))
            try:
                outcomes = sync_over(line, asked).deposits
            except AssertionError:  # Too many requests: that is what the limit is for.
                line.close()
                done["requests refused"] += 1
                continue
            number += 16
            done["boxes of the flood"] += outcomes.count(DepositOutcome.STORED)
            done["deposits of the flood refused"] += outcomes.count(DepositOutcome.REFUSED)
