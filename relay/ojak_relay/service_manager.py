"""Tells the service manager that started this process when it serves, and what goes on before.

Source: sd_notify(3). Where none asks for it, and where it cannot be reached, nothing happens.
"""

import asyncio
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

ADDRESS_VARIABLE: Final = "NOTIFY_SOCKET"
PAUSE_SECONDS: Final = 1.0
"""Between two words of what goes on, and between two tries where nothing is heard."""
PATIENCE_SECONDS: Final = 90
"""For so long after a word of what goes on the service manager is to wait for the next."""


class ServiceManager:
    """The service manager that started this process, or nobody.

    Args:
        address: of its socket, a path or `@` and an abstract name; empty: nobody.
        clock: seconds that nobody sets.
    """

    def __init__(self, address: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._clock = clock
        self._told_at: float | None = None

    def status(self, sentence: str) -> None:
        """Tell what is done now before it can serve."""
        self._tell(f"STATUS={sentence}")

    def progress(self, sentence: str) -> None:
        """Tell how far that is, once a second at most, and be waited for longer.

        To be called as it goes on, and not by a clock: who is told nothing any more gives up.
        """
        now = self._clock()
        if self._told_at is None or now - self._told_at >= PAUSE_SECONDS:
            self._told_at = now
            self._tell(f"STATUS={sentence}\nEXTEND_TIMEOUT_USEC={PATIENCE_SECONDS * 1_000_000}")

    async def ready(self) -> None:
        """Tell that it serves, again until there is room for it to be heard."""
        # Nobody wakes us when there is room again.
        while not self._tell("READY=1\nSTATUS="):  # noqa: ASYNC110 - another process's socket
            await asyncio.sleep(PAUSE_SECONDS)

    def _tell(self, state: str) -> bool:
        """Return whether nobody is to be told of it any more."""
        if sys.platform == "win32" or not self._address.startswith(("/", "@")):
            return True
        abstract = self._address.startswith("@")
        place = "\0" + self._address[1:] if abstract else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                # A manager that reads nothing must not stop us.
                sender.settimeout(0)
                sender.sendto(state.encode(), place)
        except BlockingIOError:
            return False
        except (OSError, ValueError):
            # Gone, or an address that is none: to serve matters more than to be known to serve.
            return True
        return True
