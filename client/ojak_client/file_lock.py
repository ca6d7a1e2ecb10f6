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
"""How often who waits in line tries to be the first."""
FIRST_POLL_SECONDS: Final = 0.001
"""How often the lock is tried by the first, who alone would leave it unused, and by who insists."""
FIRST_SECONDS: Final = 0.7
"""For how long somebody is first in line.

A command that gives up then has ended, with its start, within a second.
"""


@contextlib.contextmanager
def held(path: Path, *, seconds: float, insists: bool = True) -> Iterator[None]:
    """Hold the lock of the file *path*, which is made if there is none and is left there.

    It keeps out other processes, and whoever else in this one asks for it. Of those who wait one
    at a time is first in line, which is the lock of the folder: nothing more lies there, and
    nothing tells when somebody last came.

    Args:
        path: the file.
        seconds: for how long others are waited for.
        insists: if somebody holds the lock still when we have been first in line for
            `FIRST_SECONDS`, go on beside the line; otherwise that is the end.

    Raises:
        VaultBusy: whenever it was tried, another held it.
        OSError: the file system refused, or something else than a file lies there.
    """
    deadline = steady_seconds() + seconds
    while True:
        # A link would let whoever may write here have any file of ours opened.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with _unlocked_at_end(os.open(path, flags, 0o600)) as descriptor:
            # Beside the line as often as the first in it, who would else always come before us.
            if not _takes_in_line(descriptor, path.parent, deadline) and not (
                insists and _takes(descriptor, deadline)
            ):
                raise VaultBusy("another process holds the vault")
            # Removed while we waited, or taken elsewhere with its folder: what lies there no more
            # keeps out nobody who comes after us.
            if _lies_at(path, descriptor):
                yield
                return


def _takes_in_line(descriptor: int, folder: Path, deadline: float) -> bool:
    """Return whether the lock was taken before the *deadline* and before we were first for long."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return _takes_as_first(descriptor, deadline)
    with _unlocked_at_end(opened) as line:
        beside_at = steady_seconds() + FIRST_SECONDS
        while not _is_first(line):
            now = steady_seconds()
            # Whoever is first may have been stopped, or be a stranger who locked the folder.
            if now >= min(beside_at, deadline):
                if _locks(descriptor):
                    return True
                if now >= deadline:
                    return False
                beside_at = now + FIRST_SECONDS
            time.sleep(POLL_SECONDS)
        return _takes_as_first(descriptor, deadline)


def _lies_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _is_first(line: int) -> bool:
    try:
        fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Where folders cannot be locked there is no line, and everybody is the first.
        return True
    return True


def _takes_as_first(descriptor: int, deadline: float) -> bool:
    return _takes(descriptor, min(deadline, steady_seconds() + FIRST_SECONDS))


def _takes(descriptor: int, deadline: float) -> bool:
    while not _locks(descriptor):
        if steady_seconds() >= deadline:
            return False
        time.sleep(FIRST_POLL_SECONDS)
    return True


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # some file systems say the latter
        return False
    return True


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
