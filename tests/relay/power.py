"""A real relay whose disk is a file: its power is cut, and what is on that disk is looked at.

Needs root and loop mounts (`tests.images`).
"""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.images import cut_copy, mounted, new_image
from tests.relay.killing import Ledger, Starter, starter
from tests.relay.kit import Relay, boxes_in, place

MEBIBYTES = 16
CAPACITY = 2000
WORKERS = 3


class Power:
    """A disk, a relay on it, and a second one for what is found after a cut."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._image = new_image(folder / "image", mebibytes=MEBIBYTES)
        self._chance = chance
        self._next_place = 1_000_000
        self._earlier: list[Ledger] = []
        self.done: Counter[str] = Counter()

    def cuts(self, folder: Path, bug: str, goes_on: Callable[[Counter[str]], bool]) -> list[str]:
        """Cut the power for as long as *goes_on* says; return what was wrong."""
        found: list[str] = []
        copy = self._image.with_name(f"{self._image.name}.cut")
        at = copy.with_name(f"{copy.name}.mounted") / "store"
        (folder / "found").mkdir()
        with (
            mounted(self._image) as disk,
            starter(folder, bug, path=disk / "store", capacity=CAPACITY) as starts,
            starter(folder / "found", bug, path=at, capacity=CAPACITY) as looks,
        ):
            while not found and goes_on(self.done):
                ledgers = self._cut(starts)
                with mounted(copy):
                    found += self._look(looks, ledgers)
                found += self._raw(copy, ledgers)
                self._earlier = (self._earlier + ledgers)[-300:]
                self.done["power cuts"] += 1
        return found

    def _cut(self, starts: Starter) -> list[Ledger]:
        relay = starts.start()
        ledgers = [Ledger(self._next_place + 1000 * worker) for worker in range(WORKERS)]
        self._next_place += 1000 * WORKERS
        workers = [
            threading.Thread(target=ledger.work, args=(relay, self._chance.random()))
            for ledger in ledgers
        ]
        for worker in workers:
            worker.start()
        time.sleep(self._chance.uniform(0.02, 0.15))
        relay.signal(signal.SIGSTOP)
        # What it said until now must be on the disk now, and not what its file system still has
        # to write.
        _until_stopped(relay)
        cut_copy(self._image)
        relay.kill()
        starts.until_over()
        for worker in workers:
            worker.join()
        return ledgers

    def _look(self, looks: Starter, ledgers: list[Ledger]) -> list[str]:
        relay = looks.start()
        try:
            found = []
            for ledger in (*ledgers, *self._earlier[-10:]):
                found += ledger.violations(relay, ledger.certain())
                self.done["acknowledged boxes compared"] += len(ledger.certain())
                self.done["deletions compared"] += len(ledger.gone)
            return found
        finally:
            relay.kill()
            looks.until_over()

    def _raw(self, image: Path, ledgers: list[Ledger]) -> list[str]:
        return raw_violations(image, [*ledgers, *self._earlier], self.done)


def raw_violations(image: Path, ledgers: list[Ledger], done: Counter[str]) -> list[str]:
    """Say which deleted or replaced boxes, and ids of deleted ones, are anywhere on *image*."""
    data = image.read_bytes()
    gone = {content for ledger in ledgers for content in ledger.gone}
    wrong = [f"box {number} is on the disk" for number in boxes_in(data) & gone]
    ids = [
        bytes(place(number))
        for ledger in ledgers[:20]
        for number in ledger.certain()
        if ledger.lies[number][0] is None
    ]
    done["boxes and ids searched for on the disk"] += len(gone) + len(ids)
    return wrong + ["the id of a deleted box is on the disk" for id_ in ids if id_ in data]


def power_cuts(
    folder: Path, *, seed: int, goes_on: Callable[[Counter[str]], bool], bug: str = ""
) -> tuple[list[str], Counter[str]]:
    """Cut the power for as long as *goes_on* says; return every violation, and what was done.

    Raises:
        CannotMount: nobody here may mount a file system from a file.
    """
    power = Power(folder, random.Random(seed))  # noqa: S311 (repeatable, and nothing secret)
    return power.cuts(folder, bug, goes_on), power.done


def _until_stopped(relay: Relay) -> None:
    stat = Path(f"/proc/{relay.pid}/stat")
    while stat.read_text().rpartition(") ")[2][0] not in "Tt":
        time.sleep(0.001)
