"""A vault on a file system of its own, saved by another process while the power is cut."""

import itertools
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import shake_256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from ojak_client.errors import VaultError
from ojak_protocol.addresses import BOX_BYTES
from tests.client.boxes import keep, kept
from tests.client.vaults import SPAWN, create, opened
from tests.images import cut_copy, mounted, new_image

if TYPE_CHECKING:
    from ojak_client.atomic_file import Disk


PAGES = 4
"""Few, so that a page that was let go is soon written again."""


class LazyDisk:
    """Planted: a disk on which nothing is made durable before the system likes to."""

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        return os.open(path, flags, mode)

    def write(self, fd: int, data: bytes | memoryview, /) -> int:
        return os.write(fd, data)

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int, /) -> int:
        return os.pwrite(fd, data, offset)

    def fsync(self, fd: int) -> None:
        pass

    def replace(self, src: Path, dst: Path) -> None:
        src.replace(dst)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def close(self, fd: int) -> None:
        os.close(fd)


class LazyPagesDisk(LazyDisk):
    """Planted: all is made durable, but the pages are not."""

    def __init__(self) -> None:
        self._paged: set[int] = set()

    def pwrite(self, fd: int, data: bytes | memoryview, offset: int, /) -> int:
        self._paged.add(fd)
        return super().pwrite(fd, data, offset)

    def fsync(self, fd: int) -> None:
        if fd not in self._paged:
            os.fsync(fd)

    def close(self, fd: int) -> None:
        self._paged.discard(fd)
        super().close(fd)


DISKS: dict[str, type[LazyDisk] | None] = {
    "client": None,
    "lazy": LazyDisk,
    "lazy pages": LazyPagesDisk,
}
"""The system's disk, and planted ones."""


def boxes_at(number: int) -> tuple[bytes, ...]:
    """The boxes of the save of that number: one stays from the save before, one is new."""
    return tuple(
        shake_256(b"save %d" % one).digest(BOX_BYTES) for one in (number, number - 1) if one > 0
    )


def save_for_ever(path: Path, saved: Connection, on: str) -> None:
    planted = DISKS[on]
    disk: Disk = os if planted is None else planted()
    vault = opened(path, disk=disk)
    for number in itertools.count(1):
        keep(vault, *boxes_at(number))
        saved.send(number)


def violations(folder: Path, *, cuts: int, chance: random.Random, on: str = "client") -> list[str]:
    """Cut the power so often during saves, and say what was not as it must be.

    Raises:
        CannotMount: there is no root here.
    """
    wrong = []
    image = new_image(folder / "image")
    with mounted(image) as disk:
        path = disk / "vault"
        create(path, pages=PAGES).close()
        with _saving(path, on) as (pid, saved):
            acknowledged = saved.recv()
            for _ in range(cuts):
                # A few more saves, and then a moment somewhere in the next.
                for _ in range(chance.randrange(3)):
                    acknowledged = saved.recv()
                saved.poll(chance.random() * 0.05)
                os.kill(pid, signal.SIGSTOP)
                _until_stopped(pid)
                while saved.poll():
                    acknowledged = saved.recv()
                copy = cut_copy(image)
                os.kill(pid, signal.SIGCONT)
                with mounted(copy) as found:
                    wrong += _look(found / "vault", acknowledged)
    return wrong


def _look(path: Path, acknowledged: int) -> list[str]:
    try:
        found = kept(path)
    except VaultError as error:
        return [f"after {acknowledged} the vault does not open: {type(error).__name__}"]
    if found not in {boxes_at(acknowledged), boxes_at(acknowledged + 1)}:
        return [f"after {acknowledged} the vault holds neither it nor the next"]
    return []


@contextmanager
def _saving(path: Path, on: str) -> Iterator[tuple[int, Connection]]:
    ours, theirs = SPAWN.Pipe(duplex=False)
    child = SPAWN.Process(target=save_for_ever, args=(path, theirs, on))
    child.start()
    theirs.close()
    assert child.pid is not None
    try:
        yield child.pid, ours
    finally:
        child.kill()
        child.join()


def _until_stopped(pid: int) -> None:
    stat = Path(f"/proc/{pid}/stat")
    while stat.read_text().rpartition(") ")[2][0] not in "Tt":
        os.sched_yield()
