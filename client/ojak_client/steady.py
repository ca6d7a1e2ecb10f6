"""A clock that nobody sets and that goes on while the device sleeps.

`time.monotonic` stands still on Linux while the device sleeps: what was to end after a minute
would end a minute after waking, hours later.
"""

import sys
import time

if sys.platform == "linux":

    def steady_seconds() -> float:
        """Return seconds since some moment, sleep included; never fewer than before."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def steady_seconds() -> float:
        """Return seconds since some moment, sleep included; never fewer than before."""
        # Python's own takes the clock that stands still; this one of the system goes on.
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:
    steady_seconds = time.monotonic
