"""Everything at once for as long as it is given: nothing is lost, and memory stays where it is."""

import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from ojak_protocol.sync import DepositOutcome, Found
from tests.relay import hostile_bodies
from tests.relay.kit import Relay, box, deposit, pages, request, running
from tests.relay.lines import memory_bytes
from tests.relay.slow_clients import besieged
from tests.torture.turn import Counts, Turn

HONEST = 4
HERD = {"idle": 100, "half header": 50, "half body": 50, "slow reader": 20}
MOST_GROWTH_BYTES = 8 * 2**20
LEAST_SECONDS = 20
"""Of memory that grows less would tell nothing."""


def run(turn: Turn) -> Counts:
    """Deposit, wait for, read and delete, beside hostile bodies and slow clients."""
    done = turn.done
    turn.needs(LEAST_SECONDS)
    wrong: list[str] = []
    stop = threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(*pages(Path(folder) / "s", 5000)) as relay,
    ):
        threads = [
            threading.Thread(target=_pair, args=(relay, number, stop, done, wrong))
            for number in range(HONEST)
        ]
        threads.append(threading.Thread(target=_hostile, args=(relay, turn, stop, done, wrong)))
        with besieged(relay, HERD):
            for thread in threads:
                thread.start()
            began = time.monotonic()
            ends = turn.ends_at
            # The first quarter brings to memory what is needed.
            stop.wait((ends - began) / 4)
            before = memory_bytes(relay)
            stop.wait(max(0, ends - time.monotonic()))
            after = memory_bytes(relay)
            stop.set()
            for thread in threads:
                thread.join()
        code, err = relay.stop()
    assert wrong == [], wrong[:10]
    assert (code, len(err.splitlines())) == (0, 1), err
    assert after - before <= MOST_GROWTH_BYTES, (before, after)
    done["seconds"] = round(ends - began)
    done["KiB of growth"] = max(0, after - before) // 1024
    return done


def _pair(
    relay: Relay, number: int, stop: threading.Event, done: Counter[str], wrong: list[str]
) -> None:
    """Lay boxes at places that one waits for, read them, delete them, again and again."""
    at = 10_000_000 * (number + 1)
    while not stop.is_set():
        at += 1
        stored = relay.sync(request(deposits=(deposit(at, at),))).deposits
        found = relay.sync(request(at, room=1, wait=5)).polls[0]
        if stored != (DepositOutcome.STORED,) or found != Found(box(at)):
            wrong.append(f"{stored} and then {type(found).__name__}")
        relay.sync(request(deletes=(at,)))
        done["boxes laid, read and deleted"] += 1


def _hostile(
    relay: Relay, turn: Turn, stop: threading.Event, done: Counter[str], wrong: list[str]
) -> None:
    part = 0
    while not stop.is_set():
        seen = hostile_bodies.send(relay.host, relay.port, (turn.seed, "soak", part), 200)
        wrong += seen.wrong
        done["hostile bodies"] += seen.bodies
        part += 1
