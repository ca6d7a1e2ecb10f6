"""A lock between processes that the kernel keeps: it ends with whoever holds it, even if killed.

See docs/decisions/0121 and 0213.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ojak_client.errors import VaultBusy
from ojak_client.steady import steady_seconds

POLL_SECONDS: Final = 0.01
"""How often a lock that another process holds is tried again."""
FIRST_POLL_SECONDS: Final = 0.001
"""And by the first in line, who alone would leave it unused meanwhile."""
FIRST_SECONDS: Final = 0.7
"""For how long somebody is first in line.

A command that gives up then has ended, with its start, within a second.
"""


@contextlib.contextmanager
def held(path: Path, *, seconds: float, insists: bool = True) -> Iterator[None]:
    """Hold the lock of the file *path*, which is made if there is none and is left there.

    It keeps out other processes, and whoever else in this one asks for it.

    Args:
        path: the file.
        seconds: for how long others are waited for, in line with all who wait.
        insists: if somebody holds the lock still when we have been first in line for
            `FIRST_SECONDS`, go on beside the line; otherwise that is the end.

    Raises:
        VaultBusy: it was held by another for so long.
        OSError: the file system refused, or something else than a file lies there.
    """
    deadline = steady_seconds() + seconds
    with contextlib.ExitStack() as line:
        line.enter_context(_first_in_line(path.parent, deadline))
        first_until = min(deadline, steady_seconds() + FIRST_SECONDS)
        while True:
            # A link would let whoever may write here have any file of ours opened.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            with _unlocked_at_end(os.open(path, flags, 0o600)) as descriptor:
                try:
                    _take(descriptor, first_until, FIRST_POLL_SECONDS)
                except VaultBusy:
                    # Nobody behind us who does not insist is to be told later for our sake.
                    line.close()
                    if not insists:
                        raise
                    _take(descriptor, deadline, POLL_SECONDS)
                # Removed while we waited: that lock keeps out nobody any more who comes after us.
                if os.fstat(descriptor).st_nlink:
                    line.close()
                    yield
                    return


@contextlib.contextmanager
def _first_in_line(folder: Path, deadline: float) -> Iterator[None]:
    """Be the first of those who wait for a lock in *folder*, which is itself what they lock.

    So that nothing more lies there and nothing tells when somebody last came. Where the file
    system locks no folders nobody stands in line: it makes waiting fair, and keeps out nobody.

    Raises:
        VaultBusy: others were before us until the *deadline*.
    """
    with contextlib.ExitStack() as line:
        with contextlib.suppress(OSError):
            flags = os.O_RDONLY | os.O_DIRECTORY
            descriptor = line.enter_context(_unlocked_at_end(os.open(folder, flags)))
            _take(descriptor, deadline, POLL_SECONDS)
        yield


@contextlib.contextmanager
def _unlocked_at_end(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        # Closing alone would leave it to a child that was forked and still has the file.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _take(descriptor: int, deadline: float, poll_seconds: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # some file systems say the latter
            if steady_seconds() >= deadline:
                raise VaultBusy("another process holds the vault") from None
        else:
            return
        time.sleep(poll_seconds)
