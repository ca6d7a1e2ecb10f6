"""Replies leave when a common clock ticks, a whole step after their request at the earliest.

To find a box takes longer than to find none, to compare one longer still, and to write one waits
for the disk. Whoever sees the sealed line could tell them apart by that. When a request was whole
decides at which tick its reply leaves; what is done until that tick does not. All that leave
at one tick need one timer, and their clients' next requests come together. They leave in the order
in which their requests came: one whose work took longer does not leave last for that.
"""

import asyncio
import math
import time
from collections.abc import Callable
from operator import itemgetter

from ojak_relay.timer import Timer

Leave = Callable[[], None]


def tick_of(began: float, now: float, step: float) -> int:
    """Return at which tick, of one every *step* seconds, a reply leaves that is ready *now*.

    As long as that is within a step of *began*, it depends on nothing else.
    """
    return math.ceil(max(began / step + 1, now / step))


class Steps:
    """Lets replies leave, all that are due together by one timer. It is made in the running loop.

    Args:
        seconds: how long a step is, from tick to tick; 0 lets every reply leave at once.

    Raises:
        OSError: the system gives no timer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[int, list[tuple[float, Leave]]] = {}
        self._timer = Timer(self._leave_due) if seconds else None

    def __len__(self) -> int:
        """How many replies have not left."""
        return sum(map(len, self._due.values()))

    def release(self, began: float, leave: Leave) -> None:
        """Call *leave* at the next tick that is a step or more after *began*.

        Args:
            began: when the request was whole, by `time.monotonic`.
            leave: raises nothing, and does nothing where its connection has gone.
        """
        if self._timer is None:
            leave()
            return
        tick = tick_of(began, time.monotonic(), self._seconds)
        if not self._due or tick < min(self._due):
            self._timer.arm(tick * self._seconds)
        self._due.setdefault(tick, []).append((began, leave))

    def close(self) -> None:
        """Forget replies that have not left, and let those that follow leave at once."""
        self._due.clear()
        if self._timer is not None:
            self._timer.close()
            self._timer = None

    def _leave_due(self) -> None:
        leaving = self._due.pop(min(self._due))
        # First, so that no fault of one reply keeps back those of later ticks.
        if self._due and self._timer is not None:
            self._timer.arm(min(self._due) * self._seconds)
        leaving.sort(key=itemgetter(0))
        for _, leave in leaving:
            try:
                leave()
            except Exception as error:  # noqa: BLE001 - a fault of one keeps back none of the others
                loop = asyncio.get_running_loop()
                loop.call_exception_handler({"message": "a reply", "exception": error})
