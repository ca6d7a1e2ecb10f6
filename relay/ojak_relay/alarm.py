"""Calls at an exact time, whatever else the loop does before.

A loop's own timers cannot: uvloop asks the kernel to wait as many whole milliseconds as were left
when it last looked at the clock, and counts them from when it begins to wait. What is done in
between moves the end by as long as it takes. Here the kernel is told the time itself.

Source: timerfd_create(2), whose file os.timerfd_create gives only from Python 3.13 on.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from typing import Final

_TFD_TIMER_ABSTIME: Final = 1
_NANOSECONDS: Final = 10**9


class _Timerspec(ctypes.Structure):
    """An `itimerspec`."""

    _fields_ = (
        ("again_seconds", ctypes.c_long),
        ("again_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class Alarm:
    """Calls once at the time it was last set to.

    On systems without timerfd it has the loop's own timer, late by what was done before.

    Args:
        ring: is called in the running loop, and raises nothing.

    Raises:
        OSError: the system gives no timer.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._spec = _Timerspec()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._file: int | None = None
        self._later: asyncio.TimerHandle | None = None
        if hasattr(self._libc, "timerfd_create"):
            self._file = self._created()
            self._loop.add_reader(self._file, self._rang)

    def _created(self) -> int:
        made: int = self._libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if made < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return made

    def set(self, at: float) -> None:
        """Call *at* that time of `time.monotonic`, at once if it has passed, and at no other."""
        if self._file is not None:
            # Zero would be no time at all.
            self._set(max(round(at * _NANOSECONDS), 1))
            return
        if self._later is not None:
            self._later.cancel()
        self._later = self._loop.call_later(at - time.monotonic(), self._ring)

    def close(self) -> None:
        """Call no more. To close twice does nothing."""
        if self._later is not None:
            self._later.cancel()
        if self._file is not None:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = None

    def _rang(self) -> None:
        # This takes back that it rang, as reading the file would.
        self._set(0)
        self._ring()

    def _set(self, nanoseconds: int) -> None:
        spec = self._spec
        spec.seconds, spec.nanoseconds = divmod(nanoseconds, _NANOSECONDS)
        self._libc.timerfd_settime(self._file, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None)
