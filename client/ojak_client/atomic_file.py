"""Replace or erase a file so that a kill or a power cut leaves the old or the new, whole.

The order is what makes it so: the new bytes are durable under another name before they take the
name, and the name's change is durable before the old bytes are touched. Those are overwritten as
well as a program can: a solid-state disk, a journal of data, a copy-on-write file system and a
snapshot keep old blocks out of its reach, and so does a kill between the change of the name and
the overwriting. A caller that could run twice at a time holds a lock around each call.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from typing import Final, Protocol

PIECE_BYTES: Final = 64 * 1024
_FRESH: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Disk(Protocol):
    """What is asked of the system for files; the module `os` is one, tests have others."""

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        """Open or make a file or a directory, and return its descriptor."""

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        """Write and return how many bytes of *data* were taken."""

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int, /) -> int:
        """Write at *offset* and return how many bytes of *data* were taken."""

    def fsync(self, fd: int) -> None:
        """Make durable what the descriptor leads to."""

    def replace(self, src: Path, dst: Path) -> None:
        """Give *src* the name *dst*."""

    def unlink(self, path: Path) -> None:
        """Take a name away."""

    def close(self, fd: int) -> None:
        """Give the descriptor back."""


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


def replace(
    path: Path, content: bytes, *, after: Callable[[Step], None] = _go_on, disk: Disk = os
) -> None:
    """Make *content* what durably lies at *path*, readable by its owner only.

    Args:
        path: in a directory that exists; what a killed call left beside it is erased first.
        content: the whole new file.
        after: called after each step, for tests that stop there.
        disk: the system.

    Raises:
        OSError: the file system refused. Before the name was changed the old file is unchanged;
            if only making that change durable failed, the new one is in place.
    """
    fresh = fresh_path(path)
    erase(fresh, disk=disk)
    after(Step.CLEANED)
    with _opened_to_overwrite(path, disk) as old:
        try:
            _write_durably(fresh, content, after, disk)
            disk.replace(fresh, path)
        except BaseException:
            with contextlib.suppress(OSError):
                erase(fresh, disk=disk)
            raise
        after(Step.RENAMED)
        sync_directory(path.parent, disk=disk)
        after(Step.DIRECTORY_SYNCED)
        # Only what no name leads to any more: a hard link may be somebody's only copy.
        if old is not None and os.fstat(old).st_nlink == 0:
            with contextlib.suppress(OSError):
                _overwrite(old, after, disk)
    after(Step.OVERWRITTEN)


def erase(path: Path, *, disk: Disk = os) -> None:
    """Overwrite the file at *path* as far as we can and remove it; nothing there is well.

    Raises:
        OSError: it could not be removed.
    """
    with _opened_to_overwrite(path, disk) as old:
        if old is not None and os.fstat(old).st_nlink == 1:
            with contextlib.suppress(OSError):
                _overwrite(old, _go_on, disk)
    with contextlib.suppress(FileNotFoundError):
        disk.unlink(path)


def open_regular(path: Path, flags: int, *, disk: Disk = os) -> int:
    """Return a descriptor of the file at *path*, through no link, without waiting for anybody.

    Raises:
        OSError: the file system refused, or what lies there is no file: opening a pipe would wait
            for its other end.
    """
    descriptor = disk.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with contextlib.ExitStack() as failed:
        failed.callback(disk.close, descriptor)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            failed.pop_all()
            return descriptor
    raise OSError(errno.EINVAL, "no regular file")


def read_at(descriptor: int, part: range) -> bytes:
    """Return the bytes of *part* of a file, fewer where it ends before.

    Raises:
        OSError: the file system refused.
    """
    found = os.pread(descriptor, len(part), part.start)
    # Once, but for a file system that gives less than it is asked for.
    while len(found) < len(part):
        more = os.pread(descriptor, len(part) - len(found), part.start + len(found))
        if not more:
            break
        found += more
    return found


def fresh_path(path: Path) -> Path:
    """Return where `replace` writes before it changes the name."""
    return path.with_name(path.name + ".new")


def sync_directory(directory: Path, *, disk: Disk = os) -> None:
    """Make the names in *directory* durable.

    Raises:
        OSError: the file system refused.
    """
    descriptor = disk.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.fsync(descriptor)
    finally:
        # Whether it is durable was just said.
        with contextlib.suppress(OSError):
            disk.close(descriptor)


def write_all(descriptor: int, content: bytes, *, disk: Disk = os) -> None:
    """Write all of *content*, however little is taken at a time.

    Raises:
        OSError: the file system refused.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[disk.write(descriptor, rest) :]


def _write_durably(path: Path, content: bytes, after: Callable[[Step], None], disk: Disk) -> None:
    descriptor = disk.open(path, _FRESH, 0o600)
    try:
        after(Step.CREATED)
        half = len(content) // 2
        write_all(descriptor, content[:half], disk=disk)
        after(Step.HALF_WRITTEN)
        write_all(descriptor, content[half:], disk=disk)
        after(Step.WRITTEN)
        disk.fsync(descriptor)
        after(Step.SYNCED)
    finally:
        disk.close(descriptor)


@contextlib.contextmanager
def _opened_to_overwrite(path: Path, disk: Disk) -> Iterator[int | None]:
    """Give a descriptor that reaches the file's bytes after its name is gone, or None."""
    try:
        descriptor = open_regular(path, os.O_WRONLY, disk=disk)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        with contextlib.suppress(OSError):
            disk.close(descriptor)


def _overwrite(descriptor: int, after: Callable[[Step], None], disk: Disk) -> None:
    """Put random bytes, which look like a vault's, over all bytes of the file, durably."""
    size_bytes = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    for position in range(0, size_bytes, PIECE_BYTES):
        write_all(descriptor, os.urandom(min(PIECE_BYTES, size_bytes - position)), disk=disk)
        if position == 0:
            after(Step.HALF_OVERWRITTEN)
    disk.fsync(descriptor)
