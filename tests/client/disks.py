"""Disks that refuse, that die with their process, and that say what a power cut may leave."""

import errno
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.client.persons import Killed


class FaultyDisk:
    """The system's files, but one call goes wrong.

    Attributes:
        fault: "error": the call does nothing and raises; "kill": the process is gone before it;
            "torn": gone in the middle of it, if it is a write, or else right after it.
        at: which call, counted from 0; None: none.
        calls: what was asked for so far.
    """

    def __init__(self, fault: str = "error", at: int | None = None) -> None:
        self.fault = fault
        self.at = at
        self.calls: list[str] = []
        self._dead = False

    @property
    def fired(self) -> bool:
        """Whether the call came that goes wrong."""
        return self.at is not None and len(self.calls) > self.at

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        late = self._begin("open")
        descriptor = os.open(path, flags, mode)
        if late:
            os.close(descriptor)
            self._die()
        return descriptor

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        if self._begin("write"):
            os.write(fd, data[: len(data) // 2])
            self._die()
        return os.write(fd, data)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int, /) -> int:
        if self._begin("pwrite"):
            os.pwrite(fd, data[: len(data) // 2], offset)
            self._die()
        return os.pwrite(fd, data, offset)

    def fsync(self, fd: int) -> None:
        late = self._begin("fsync")
        os.fsync(fd)
        if late:
            self._die()

    def replace(self, src: Path, dst: Path) -> None:
        late = self._begin("replace")
        src.replace(dst)
        if late:
            self._die()

    def unlink(self, path: Path) -> None:
        late = self._begin("unlink")
        path.unlink()
        if late:
            self._die()

    def close(self, fd: int) -> None:
        # The kernel closes for who is gone, and no close fails that matters after an fsync.
        os.close(fd)

    def _begin(self, call: str) -> bool:
        """Count a call, and return whether the process dies after it."""
        if self._dead:
            # What a program would do to clean up is done by nobody.
            raise Killed
        self.calls.append(call)
        if len(self.calls) - 1 != self.at:
            return False
        if self.fault == "error":
            raise OSError(errno.EIO, "planted")
        if self.fault == "kill":
            self._die()
        return True

    def _die(self) -> None:
        self._dead = True
        raise Killed


FEW: Final = 3


@dataclass
class _File:
    durable: bytes
    later: list[tuple[int, bytes]] = field(default_factory=list)
    """Writes since the last fsync, each with its place."""

    def newest(self) -> bytes:
        """What is there while the power is on."""
        whole = self.durable
        for at, data in self.later:
            whole = _over(whole, at, data)
        return whole

    def states(self) -> Iterator[bytes]:
        """What may be found after a cut.

        Of a few later writes each is there, away or half there, whatever of the others is. Of many
        the first ones are there, and the last of them whole or half.
        """
        if len(self.later) <= FEW:
            for parts in itertools.product((0, 1, 2), repeat=len(self.later)):
                found = self.durable
                for (at, data), halves in zip(self.later, parts, strict=True):
                    found = _over(found, at, data[: len(data) * halves // 2])
                yield found
            return
        whole = self.durable
        yield whole
        for number, (at, data) in enumerate(self.later):
            if number == len(self.later) - 1:
                yield _over(whole, at, data[: len(data) // 2])
            whole = _over(whole, at, data)
        yield whole


class RecordingDisk:
    """The system's files in one folder, and what each moment leaves there if the power is cut.

    Names reach the disk in their order, bytes in any; a rename may be there without the bytes.

    Attributes:
        cuts: for each moment so far, every set of files that may be found after a cut.
    """

    def __init__(self, folder: Path) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, int] = {}
        for path in folder.iterdir():
            self._names[path.name] = path.stat().st_ino
            self._files[path.stat().st_ino] = _File(path.read_bytes())
        self._later: list[dict[str, int]] = []
        self._inode: dict[int, int] = {}
        self._paged: set[int] = set()
        self._alike: dict[bytes, bytes] = {}
        self.cuts: list[list[dict[str, bytes]]] = []
        self._note()

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = os.open(path, flags, mode)
        inode = os.fstat(descriptor).st_ino
        self._inode[descriptor] = inode
        if flags & os.O_CREAT:
            self._files[inode] = _File(b"")
            self._rename({**self._newest, path.name: inode})
        return descriptor

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        at = os.lseek(fd, 0, os.SEEK_CUR)
        size = os.write(fd, data)
        self._files[self._inode[fd]].later.append((at, bytes(data[:size])))
        self._note()
        return size

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int, /) -> int:
        size = os.pwrite(fd, data, offset)
        self._paged.add(self._inode[fd])
        self._files[self._inode[fd]].later.append((offset, bytes(data[:size])))
        self._note()
        return size

    def fsync(self, fd: int) -> None:
        os.fsync(fd)
        file = self._files.get(self._inode[fd])
        if file is None:
            self._names, self._later = self._newest, []
        else:
            file.durable, file.later = file.newest(), []
        self._note()

    def replace(self, src: Path, dst: Path) -> None:
        src.replace(dst)
        names = {**self._newest, dst.name: self._newest[src.name]}
        del names[src.name]
        self._rename(names)

    def unlink(self, path: Path) -> None:
        path.unlink()
        self._rename({name: inode for name, inode in self._newest.items() if name != path.name})

    def close(self, fd: int) -> None:
        os.close(fd)

    def is_paged(self, fd: int) -> bool:
        """Whether the descriptor is of a file that is written page by page."""
        return self._inode[fd] in self._paged

    @property
    def _newest(self) -> dict[str, int]:
        return self._later[-1] if self._later else self._names

    def _rename(self, names: dict[str, int]) -> None:
        self._later.append(names)
        self._note()

    def _note(self) -> None:
        found: list[dict[str, bytes]] = []
        for names in (self._names, *self._later):
            sets: list[dict[str, bytes]] = [{}]
            for name, inode in names.items():
                # Whole vaults, many times the same: each is kept once.
                states = {self._alike.setdefault(one, one) for one in self._files[inode].states()}
                sets = [{**one, name: data} for one in sets for data in states]
            found += sets
        self.cuts.append(found)


def _over(old: bytes, at: int, data: bytes) -> bytes:
    return old[:at] + data + old[at + len(data) :]
