"""Replace or erase a file so that a kill or a power cut leaves the old or the new, whole.

The order is what makes it so: the new bytes are durable under another name before they take the
name, and the name's change is durable before the old bytes are touched. Those are overwritten as
well as a program can: a solid-state disk, a journal of data, a copy-on-write file system and a
snapshot keep old blocks out of its reach, and so does a kill between the change of the name and
the overwriting. A caller that could run twice at a time holds a lock around each call.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 64 * 1024
_FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Step(Enum):
    """What `replace` has just done."""

    CLEANED = auto()
    CREATED = auto()
    HALF_WRITTEN = auto()
    WRITTEN = auto()
    SYNCED = auto()
    RENAMED = auto()
    DIRECTORY_SYNCED = auto()
    HALF_OVERWRITTEN = auto()
    OVERWRITTEN = auto()


def _go_on(_: Step) -> None:
    pass


def replace(path: Path, content: bytes, *, after: Callable[[Step], None] = _go_on) -> None:
    """Make *content* what durably lies at *path*, readable by its owner only.

    Args:
        path: in a directory that exists; what a killed call left beside it is erased first.
        content: the whole new file.
        after: called after each step, for tests that stop there.

    Raises:
        OSError: the file system refused. Before the name was changed the old file is unchanged;
            if only making that change durable failed, the new one is in place.
    """
    fresh = fresh_path(path)
    erase(fresh)
    after(Step.CLEANED)
    with _opened_to_overwrite(path) as old:
        try:
            _write_durably(fresh, content, after)
            fresh.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                erase(fresh)
            raise
        after(Step.RENAMED)
        sync_directory(path.parent)
        after(Step.DIRECTORY_SYNCED)
        # Only what no name leads to any more: a hard link may be somebody's only copy.
        if old is not None and os.fstat(old).st_nlink == 0:
            with contextlib.suppress(OSError):
                _overwrite(old, after)
    after(Step.OVERWRITTEN)


def erase(path: Path) -> None:
    """Overwrite the file at *path* as far as we can and remove it; nothing there is well.

    Raises:
        OSError: it could not be removed.
    """
    with _opened_to_overwrite(path) as old:
        if old is not None and os.fstat(old).st_nlink == 1:
            with contextlib.suppress(OSError):
                _overwrite(old, _go_on)
    path.unlink(missing_ok=True)


def fresh_path(path: Path) -> Path:
    """Return where `replace` writes before it changes the name."""
    return path.with_name(path.name + ".new")


def sync_directory(directory: Path) -> None:
    """Make the names in *directory* durable.

    Raises:
        OSError: the file system refused.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_durably(path: Path, content: bytes, after: Callable[[Step], None]) -> None:
    descriptor = os.open(path, _FRESH, 0o600)
    try:
        after(Step.CREATED)
        half = len(content) // 2
        _write(descriptor, content[:half])
        after(Step.HALF_WRITTEN)
        _write(descriptor, content[half:])
        after(Step.WRITTEN)
        os.fsync(descriptor)
        after(Step.SYNCED)
    finally:
        os.close(descriptor)


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextlib.contextmanager
def _opened_to_overwrite(path: Path) -> Iterator[int | None]:
    """Give a descriptor that reaches the file's bytes after its name is gone, or None."""
    try:
        descriptor = os.open(path, _OLD)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _overwrite(descriptor: int, after: Callable[[Step], None]) -> None:
    """Put random bytes, which look like a vault's, over all bytes of the file, durably."""
    size_bytes = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    for position in range(0, size_bytes, PIECE_BYTES):
        _write(descriptor, os.urandom(min(PIECE_BYTES, size_bytes - position)))
        if position == 0:
            after(Step.HALF_OVERWRITTEN)
    os.fsync(descriptor)
