"""The relay's clock: what boxes age by, whatever becomes of the clock of the system.

Within a run it goes on as time passes and follows no jump. At a start it takes the system's time,
unless that lies before a time this store had reached, or more than a year after it: then it goes on
from there, says that it is not trusted, and takes the system's time as soon as that fits. So a
machine that starts in 1970 keeps nothing for decades, and one that starts ten years ahead loses
nothing. What cannot be noticed: a clock that is wrong at a start by less than a year, ahead.
"""

import time
from collections.abc import Callable
from math import inf
from typing import Final

EARLIEST: Final = 1_767_225_600
"""The first second of 2026: no relay ran before."""

BELIEVED_SECONDS: Final = 366 * 24 * 3600
"""How long a relay may have stood still."""

STEP_SECONDS: Final = 300
"""How far the system's clock may come to differ before it counts as one that jumped."""


_PASSING: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def passed() -> float:
    """Return seconds that only ever go on, also while the machine sleeps if it can tell."""
    return time.clock_gettime(_PASSING)


class Clock:
    """Tells Unix seconds, never going back.

    Args:
        reached: a time that the store had reached before, or 0.
        system: the clock of the system, Unix seconds.
        passing: seconds that only ever go on.
    """

    def __init__(
        self,
        reached: int,
        system: Callable[[], float] = time.time,
        passing: Callable[[], float] = passed,
    ) -> None:
        self._system = system
        self._passing = passing
        self._began = passing()
        self._believed_seconds = BELIEVED_SECONDS if reached else inf
        self._base = float(max(reached, EARLIEST))
        self._adrift = True
        self._take_system()

    def __call__(self) -> int:
        """Return the time, whole seconds."""
        if self._adrift:
            self._take_system()
        return int(self._now())

    @property
    def is_trusted(self) -> bool:
        """Whether the system's clock agrees."""
        return not self._adrift and abs(self._system() - self._now()) < STEP_SECONDS

    def _now(self) -> float:
        return self._base + self._passing() - self._began

    def _take_system(self) -> None:
        now, said = self._now(), self._system()
        if now <= said <= now + self._believed_seconds:
            self._base += said - now
            self._adrift = False
