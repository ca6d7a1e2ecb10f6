"""Calls back at an exact time, whatever the loop did before it went to sleep.

A loop's own timers cannot: uvloop asks the kernel to wait as many whole milliseconds as were left
when it last looked at the clock, and counts them from when it begins to wait. What is done in
between moves the end by as long as it takes. Here the kernel is told the time itself.

Source: timerfd_create(2), whose file `os.timerfd_create` gives only from Python 3.13 on.
"""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from typing import Final

_TFD_TIMER_ABSTIME: Final = 1
_NANOSECONDS: Final = 10**9
_COUNT_BYTES: Final = 8
_LONG_BYTES: Final = 8


class _Timerspec(ctypes.Structure):
    """An `itimerspec`, as every C library has it where a long has 64 bits."""

    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class Timer:
    """Calls back once, at the time for which it was armed last.

    Where the C library has no timerfd, or a long has 32 bits, it uses the loop's own timer, which
    may be a millisecond early, and late by what was done before. It is made in the running loop.

    Args:
        callback: raises nothing.

    Raises:
        OSError: the system gives no timer.
    """

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._later: asyncio.TimerHandle | None = None
        self._file: int | None = None
        self._is_closed = False
        if hasattr(self._libc, "timerfd_create") and ctypes.sizeof(ctypes.c_long) == _LONG_BYTES:
            flags = os.O_NONBLOCK | os.O_CLOEXEC
            self._file = _sound(self._libc.timerfd_create(time.CLOCK_MONOTONIC, flags))
            try:
                # Here it shows whether it can be armed at all.
                self._set(0)
            except OSError:
                os.close(self._file)
                raise
            self._loop.add_reader(self._file, self._expire)

    def arm(self, at: float) -> None:
        """Call back *at* that time of `time.monotonic`, at once if it has passed, and at no other.

        After `close` it does nothing.

        Raises:
            OSError: the system refuses.
        """
        if self._is_closed:
            return
        if self._file is None:
            if self._later is not None:
                self._later.cancel()
            self._later = self._loop.call_later(at - time.monotonic(), self._callback)
            return
        # Zero would be never.
        self._set(max(round(at * _NANOSECONDS), 1))

    def close(self) -> None:
        """Call back no more. To close twice does nothing."""
        self._is_closed = True
        if self._later is not None:
            self._later.cancel()
        if self._file is not None:
            self._loop.remove_reader(self._file)
            os.close(self._file)
            self._file = None

    def _set(self, nanoseconds: int) -> None:
        spec = _Timerspec()
        spec.seconds, spec.nanoseconds = divmod(nanoseconds, _NANOSECONDS)
        given = (self._file, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None)
        _sound(self._libc.timerfd_settime(*given))

    def _expire(self) -> None:
        if self._file is None:
            return
        try:
            os.read(self._file, _COUNT_BYTES)
        except BlockingIOError:
            # It was armed anew after the loop had seen that it expired.
            return
        self._callback()


def _sound(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
