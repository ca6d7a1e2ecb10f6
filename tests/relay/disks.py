"""Disks under the pages store: one that refuses, and one that knows what a power cut leaves."""

import errno
import os
import random
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SECTOR_BYTES = 512


class SystemDisk:
    """The system's files, as the module `os` gives them."""

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        return os.open(path, flags, mode)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        return os.pread(fd, length, offset)

    def preadv(
        self, fd: int, buffers: Sequence[bytearray | memoryview], offset: int, flags: int = 0, /
    ) -> int:
        return os.preadv(fd, buffers, offset, flags)

    def lseek(self, fd: int, offset: int, how: int, /) -> int:
        return os.lseek(fd, offset, how)

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, /) -> int:
        return os.pwritev(fd, buffers, offset)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def posix_fallocate(self, fd: int, offset: int, length: int, /) -> None:
        os.posix_fallocate(fd, offset, length)

    def ftruncate(self, fd: int, length: int, /) -> None:
        os.ftruncate(fd, length)

    def close(self, fd: int) -> None:
        os.close(fd)


class QuickDisk(SystemDisk):
    """Waits for no sync: for looking at what a test left."""

    def fsync(self, fd: int) -> None:
        pass

    def fdatasync(self, fd: int) -> None:
        pass


@dataclass
class RefusingDisk(SystemDisk):
    """Refuses calls by name, and reads of some bytes, until told otherwise.

    Attributes:
        refused: names of calls, each with its errno.
        bad: places in the file that cannot be read.
        calls: names of what was asked for.
    """

    refused: dict[str, int] = field(default_factory=dict)
    bad: set[int] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if call in self.refused:
            number = self.refused[call]
            raise OSError(number, os.strerror(number))

    def _read(self, offset: int, length: int) -> None:
        if any(offset <= bad < offset + length for bad in self.bad):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        self._begin("open")
        return super().open(path, flags, mode)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        self._begin("pread")
        self._read(offset, length)
        return super().pread(fd, length, offset)

    def preadv(
        self, fd: int, buffers: Sequence[bytearray | memoryview], offset: int, flags: int = 0, /
    ) -> int:
        self._begin("preadv")
        self._read(offset, sum(map(len, buffers)))
        return super().preadv(fd, buffers, offset, flags)

    def lseek(self, fd: int, offset: int, how: int, /) -> int:
        self._begin("lseek")
        return super().lseek(fd, offset, how)

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, /) -> int:
        self._begin("pwritev")
        return super().pwritev(fd, buffers, offset)

    def fsync(self, fd: int) -> None:
        self._begin("fsync")
        super().fsync(fd)

    def fdatasync(self, fd: int) -> None:
        self._begin("fdatasync")
        super().fdatasync(fd)

    def posix_fallocate(self, fd: int, offset: int, length: int, /) -> None:
        self._begin("posix_fallocate")
        super().posix_fallocate(fd, offset, length)

    def ftruncate(self, fd: int, length: int, /) -> None:
        self._begin("ftruncate")
        super().ftruncate(fd, length)


class PowerCut(OSError):
    """The machine is off: nothing reaches the disk any more."""


@dataclass
class RecordingDisk(SystemDisk):
    """One file, of which is known what lies on the disk for certain and what only may.

    Attributes:
        durable: the file as it was at its last sync.
        later: what was written since, each with its place; any part of it may be there.
        cut_after: how many more calls that change anything are done; None: all.
        refuse_after: how many more are done before one is refused, once. A refused sync loses
            what it was to make durable, and the next one does not tell: so do real systems.
    """

    durable: bytearray = field(default_factory=bytearray)
    later: list[tuple[int, bytes]] = field(default_factory=list)
    cut_after: int | None = None
    refuse_after: int | None = None

    def _begin(self) -> None:
        if self.cut_after is not None:
            if self.cut_after <= 0:
                raise PowerCut
            self.cut_after -= 1
        if self.refuse_after is not None:
            self.refuse_after -= 1
            if self.refuse_after < 0:
                self.refuse_after = None
                raise OSError(errno.EIO, "planted")

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, /) -> int:
        self._begin()
        at = offset
        for data in buffers:
            self.later.append((at, data))
            at += len(data)
        return super().pwritev(fd, buffers, offset)

    def fsync(self, fd: int) -> None:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            self._sync()

    def fdatasync(self, fd: int) -> None:
        self.fsync(fd)

    def _sync(self) -> None:
        try:
            self._begin()
        except OSError:
            self.later = []
            raise
        self.durable, self.later = bytearray(self.after_cut(None)), []

    def posix_fallocate(self, fd: int, offset: int, length: int, /) -> None:
        self._begin()
        super().posix_fallocate(fd, offset, length)
        self.durable.extend(bytes(max(0, offset + length - len(self.durable))))

    def ftruncate(self, fd: int, length: int, /) -> None:
        self._begin()
        super().ftruncate(fd, length)
        del self.durable[length:]

    def after_cut(self, chance: random.Random | None) -> bytes:
        """Return what may be found after a cut now: of each later write some sectors, or all."""
        found = bytearray(self.durable)
        for offset, data in self.later:
            fate = 2 if chance is None else chance.randrange(4)
            for at in range(0, len(data), SECTOR_BYTES):
                if fate >= 2 or (fate == 1 and chance is not None and chance.random() < 0.5):
                    end = offset + at + len(data[at : at + SECTOR_BYTES])
                    found.extend(bytes(max(0, end - len(found))))
                    found[offset + at : end] = data[at : at + SECTOR_BYTES]
        return bytes(found)
