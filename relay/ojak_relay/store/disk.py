"""What the pages store asks of the system; the module `os` is one disk, tests have others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Disk(Protocol):
    """Calls that may fail, each with OSError. What is written is durable after a sync."""

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        """Open or make a file or a directory, and return its descriptor."""

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        """Return up to *length* bytes at *offset*."""

    def preadv(
        self, fd: int, buffers: Sequence[bytearray | memoryview], offset: int, flags: int = 0, /
    ) -> int:
        """Fill *buffers* from *offset* and return how many bytes there were."""

    def lseek(self, fd: int, offset: int, how: int, /) -> int:
        """Return where from *offset* on the file holds something, or begins to hold nothing."""

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, /) -> int:
        """Write *buffers* one behind the other from *offset*; return how many bytes were taken."""

    def fsync(self, fd: int) -> None:
        """Make durable what the descriptor leads to, with its size."""

    def fdatasync(self, fd: int) -> None:
        """Make durable what was written."""

    def posix_fallocate(self, fd: int, offset: int, length: int, /) -> None:
        """Take the blocks for *length* bytes from *offset*; make the file that long."""

    def ftruncate(self, fd: int, length: int, /) -> None:
        """Make the file *length* bytes long."""

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
