"""What `ojak keep` looks at once a second while nothing comes, so that it need not wait in vain.

Another command changed the vault; the device slept; it has another address now: in each case what
was asked is asked anew, at once, on a new connection. Of the vault only the file's times are
looked at, outside of its lock and without its key.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ojak_client.incoming import LOOK_SECONDS
from ojak_client.steady import steady_seconds

SLEPT_SECONDS: Final = 15.0
"""A second that took so long: a busy device is slower than one second, but not by that much."""
SOURCE_EVERY_SECONDS: Final = 60.0
"""How often at most a wait is broken for another address: a device with two ways must not go to and
fro between them."""

Stamp = tuple[int, int, int] | None


class WaitBroken(Exception):
    """A wait was given up on this side; the same, or more, is asked again at once."""


class Lookout:
    """Looks around while something is waited for.

    Args:
        vault: the file whose changes matter.
        alive: called at each look.
        sleep: lets so many seconds pass.
        clock: seconds that go on while the device sleeps.

    Attributes:
        changes: how many times the vault was found changed and at rest again, by whomever.
        sleeps: how many times the device slept or this process was stopped.
    """

    def __init__(
        self,
        vault: Path,
        alive: Callable[[], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = steady_seconds,
    ) -> None:
        self._vault = vault
        self._alive = alive
        self._sleep = sleep
        self._clock = clock
        self._known = self._seen = _stamp(vault)
        self.changes = 0
        self.sleeps = 0
        self._source_from = 0.0

    def nap(self, seconds: float) -> None:
        """Let *seconds* pass; end before where something new was seen."""
        until = self._clock() + seconds
        seen = self.changes, self.sleeps
        while (left := until - self._clock()) > 0 and seen == (self.changes, self.sleeps):
            began = self._clock()
            self._sleep(min(left, LOOK_SECONDS))
            self.look(self._clock() - began)

    def look(self, took_seconds: float) -> None:
        """Look around, *took_seconds* after the last look was over.

        Commands save several times: while one is at work, what it is about to do is its own. So a
        change counts when the next look finds the vault as this one did.
        """
        self._alive()
        self.sleeps += took_seconds > SLEPT_SECONDS
        before, self._seen = self._seen, _stamp(self._vault)
        if self._seen == before and self._seen != self._known:
            self._known = self._seen
            self.changes += 1

    def source_changed(self, connection: socket.socket) -> bool:
        """Return whether the other end would now be reached from another address of this device.

        Answers would go to the former one: nobody would tell either end. Nothing is sent to find
        out.
        """
        now = self._clock()
        if now < self._source_from or not _has_other_source(connection):
            return False
        self._source_from = now + SOURCE_EVERY_SECONDS
        return True


def _stamp(path: Path) -> Stamp:
    """Return what changes with each save of the file: each makes a new file and takes its name."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _has_other_source(connection: socket.socket) -> bool:
    try:
        with socket.socket(connection.family, socket.SOCK_DGRAM) as probe:
            # Of a datagram socket this asks the system for the way, and sends nothing.
            probe.connect(connection.getpeername())
            return bool(probe.getsockname()[0] != connection.getsockname()[0])
    except OSError:
        # No way at all now: the connection may still live when there is one again.
        return False
