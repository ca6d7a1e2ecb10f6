"""What systemd is told of a process that stays on: that it is ready, that it lives, that it ends.

Source: sd_notify(3), sd_watchdog_enabled(3). Where no service manager asks for it, and where it
cannot be reached, nothing happens. What is told here may be read by whoever may ask systemd about
this user's services, so it names nobody.
"""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Final, Self

from ojak_client.steady import steady_seconds

ADDRESS_VARIABLE: Final = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE: Final = "WATCHDOG_USEC"
WATCHDOG_PROCESS_VARIABLE: Final = "WATCHDOG_PID"
PATIENCE_SECONDS: Final = 1.0
_MICROSECONDS: Final = 1_000_000
_MOST_DIGITS: Final = 20
"""Of an unsigned number of 64 bits, which it is to systemd."""
_PARTS: Final = 4
"""How many times within the watchdog's time it is told that we live."""


class ServiceManager:
    """The service manager that started this process, or nobody.

    Args:
        address: of its socket, a path or `@` and an abstract name; empty: nobody.
        watchdog_seconds: within which it wants to hear of us again; None: it does not.
        clock: seconds that nobody sets.
        patience_seconds: how long it may take to hear; what it does not hear then is lost.
    """

    def __init__(
        self,
        address: str,
        watchdog_seconds: float | None = None,
        *,
        clock: Callable[[], float] = steady_seconds,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._address = address
        self._clock = clock
        self._patience_seconds = patience_seconds
        self._every_seconds = None if watchdog_seconds is None else watchdog_seconds / _PARTS
        self._alive_at: float | None = None

    @classmethod
    def of(
        cls,
        environment: Mapping[str, str],
        process: int,
        *,
        clock: Callable[[], float] = steady_seconds,
    ) -> Self:
        """Return the service manager that *environment* names to the process of that number."""
        address = environment.get(ADDRESS_VARIABLE, "")
        asked = environment.get(WATCHDOG_VARIABLE, "")
        meant = environment.get(WATCHDOG_PROCESS_VARIABLE, str(process)) == str(process)
        is_number = asked.isascii() and asked.isdigit() and len(asked) <= _MOST_DIGITS
        if not meant or not is_number or int(asked) == 0:
            return cls(address, clock=clock)
        return cls(address, int(asked) / _MICROSECONDS, clock=clock)

    def ready(self) -> None:
        """Tell that what was asked for has begun."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Tell that it ends, as asked."""
        self._tell("STOPPING=1")

    def status(self, sentence: str) -> None:
        """Tell what `systemctl status` is to show, a sentence that names nobody."""
        self._tell(f"STATUS={' '.join(sentence.split())}")

    def alive(self) -> None:
        """Tell that this process lives, but not more often than is needed."""
        if self._every_seconds is None:
            return
        now = self._clock()
        if self._alive_at is None or now - self._alive_at >= self._every_seconds:
            self._alive_at = now
            self._tell("WATCHDOG=1")

    def _tell(self, state: str) -> None:
        if sys.platform == "win32" or not self._address.startswith(("/", "@")):
            return
        address = self._address
        if address.startswith("@"):
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # A manager that reads nothing must not stop us.
                sender.settimeout(self._patience_seconds)
                sender.sendto(state.encode(), address)
        except (OSError, ValueError):
            # Gone, or an address that is none: whoever waits for word of us acts on its own.
            return


def own_service_manager() -> ServiceManager:
    """Return the one that this process's environment names."""
    return ServiceManager.of(os.environ, os.getpid())
