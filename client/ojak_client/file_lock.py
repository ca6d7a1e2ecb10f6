"""A lock between processes that the kernel keeps: it ends with whoever holds it, even if killed.

See docs/decisions/0121.
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


@contextlib.contextmanager
def held(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock of the file *path*, which is made if there is none and is left there.

    It keeps out other processes, and whoever else in this one asks for it.

    Raises:
        VaultBusy: it was held by another for *seconds*.
        OSError: the file system refused, or something else than a file lies there.
    """
    deadline = steady_seconds() + seconds
    while True:
        # A link would let whoever may write here have any file of ours opened.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        try:
            _take(descriptor, deadline)
            # Removed while we waited: that lock keeps out nobody any more who comes after us.
            if os.fstat(descriptor).st_nlink:
                yield
                return
        finally:
            # Closing alone would leave it to a child that was forked and still has the file.
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _take(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # some file systems say the latter
            if steady_seconds() >= deadline:
                raise VaultBusy("another process holds the vault") from None
        else:
            return
        time.sleep(POLL_SECONDS)
