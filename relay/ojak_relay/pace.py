"""Replies leave in fixed steps after their request is whole, so that their time tells less.

To find a box takes longer than to find none, to compare one longer still, and to write one waits
for the disk. Whoever sees the sealed line could tell them apart by that. The clock of the first
step starts before anything is looked at, so what was done in it cannot show.
"""

import asyncio
import math
from collections.abc import Callable

Leave = Callable[[], None]


class Steps:
    """Lets replies leave, all that are due together by one timer.

    Args:
        seconds: how long a step is; 0 lets every reply leave at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[float, list[Leave]] = {}

    def __len__(self) -> int:
        """How many replies have not left."""
        return sum(map(len, self._due.values()))

    def release(self, began: float, leave: Leave) -> None:
        """Call *leave* at the end of the step in which this is called, the first one at least.

        Args:
            began: when the request was whole, on the clock of the loop.
            leave: raises nothing, and does nothing where its connection has gone.
        """
        if not self._seconds:
            leave()
            return
        loop = asyncio.get_running_loop()
        steps = max(1, math.ceil((loop.time() - began) / self._seconds))
        at = began + steps * self._seconds
        if at not in self._due:
            self._due[at] = []
            loop.call_at(at, self._leave, at)
        self._due[at].append(leave)

    def _leave(self, at: float) -> None:
        for leave in self._due.pop(at):
            leave()
