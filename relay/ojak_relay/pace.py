"""Replies leave when a common clock ticks, a whole step after their request at the earliest.

To find a box takes longer than to find none, to compare one longer still, and to write one waits
for the disk. Whoever sees the sealed line could tell them apart by that. When a request was whole
decides at which tick its reply leaves, and what is done within a step cannot show. All that leave
at one tick need one timer, and their clients' next requests come together.
"""

import asyncio
import math
from collections.abc import Callable

Leave = Callable[[], None]


def tick_of(began: float, now: float, step: float) -> int:
    """Return at which tick, of one every *step* seconds, a reply leaves that is ready *now*.

    As long as that is within a step of *began*, it depends on nothing else.
    """
    return math.ceil(max(began / step + 1, now / step))


class Steps:
    """Lets replies leave, all that are due together by one timer.

    Args:
        seconds: how long a step is, from tick to tick; 0 lets every reply leave at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[int, list[Leave]] = {}

    def __len__(self) -> int:
        """How many replies have not left."""
        return sum(map(len, self._due.values()))

    def release(self, began: float, leave: Leave) -> None:
        """Call *leave* at the next tick that is a step or more after *began*.

        Args:
            began: when the request was whole, on the clock of the loop.
            leave: raises nothing, and does nothing where its connection has gone.
        """
        if not self._seconds:
            leave()
            return
        loop = asyncio.get_running_loop()
        tick = tick_of(began, loop.time(), self._seconds)
        if tick not in self._due:
            self._due[tick] = []
            loop.call_at(tick * self._seconds, self._leave, tick)
        self._due[tick].append(leave)

    def _leave(self, tick: int) -> None:
        for leave in self._due.pop(tick):
            try:
                leave()
            except Exception as error:  # noqa: BLE001 - a fault of one keeps back none of the others
                loop = asyncio.get_running_loop()
                loop.call_exception_handler({"message": "a reply", "exception": error})
