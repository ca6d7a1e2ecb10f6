"""One preallocated file of 4096-byte pages: two superblocks, then a page for each box.

Pages are written whole and in place. Those of one commit are not relied upon until the commit is
synced, so only pages of the newest commit can be torn: `repair` looks at these bodies, and at every
page whose header is not whole.

One process holds the file. Copy-on-write file systems, snapshots, `data=journal` and the spare
blocks of an SSD may keep what was overwritten; nothing here can reach that.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final, Self

from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store.base import Record
from ojak_relay.store.disk import Disk
from ojak_relay.store.page import (
    HEADER_BYTES,
    PAGE_BYTES,
    Superblock,
    read_record,
    read_superblock,
    superblock_page,
)

SUPERBLOCKS: Final = 2
SPARE_PAGES: Final = 64
"""Pages beyond the capacity, so that a full store can still replace a box: the new one is durable
before the old one is overwritten."""

EARLIER_FORMAT: Final = b"ojakpg01"
"""How a store begins that `migrate` brings to this format."""

_LOOKING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_BUFFERS_AT_ONCE: Final = 1024
"""The system takes no more in one call."""

_SCAN_PAGES: Final = 32
"""So many are read at once where all are looked at. A copy of 256 KB costs four times as much."""

_HEADERS_AT_ONCE: Final = _BUFFERS_AT_ONCE // 2
"""A page is two buffers where its header alone is wanted."""


def pages_for(capacity: int) -> range:
    """Return the numbers of the pages that can hold a box in a file for *capacity* boxes."""
    return range(SUPERBLOCKS, SUPERBLOCKS + capacity + SPARE_PAGES)


class PageFile:
    """The open and locked file; made by `open`."""

    def __init__(self, path: Path, descriptor: int, superblock: Superblock, disk: Disk) -> None:
        self.path = path
        self._descriptor = descriptor
        self._superblock = superblock
        self._disk = disk
        self._cached_only = getattr(os, "RWF_NOWAIT", 0)

    @classmethod
    def open(cls, path: Path, capacity: int | None = None, *, disk: Disk = os) -> Self:
        """Open the file and hold it until `close`.

        Args:
            path: where it lies.
            capacity: boxes it must be made for; it is made if nothing is there. None: whatever is
                there.
            disk: the system, or what stands for it.

        Raises:
            StoreUnusable: it is in use, is something else, or cannot be made or read.
        """
        made = os.O_CREAT if capacity else 0
        try:
            flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | made
            descriptor = disk.open(path, flags, 0o600)
        except OSError as error:
            raise StoreUnusable(f"the store {path} cannot be opened: {error.strerror}") from None
        try:
            lock(descriptor, path)
            superblock = _prepare(disk, descriptor, path, capacity)
        except OSError as error:
            disk.close(descriptor)
            raise StoreUnusable(f"the store {path} cannot be made: {error.strerror}") from None
        except StoreUnusable:
            disk.close(descriptor)
            raise
        return cls(path, descriptor, superblock, disk)

    @classmethod
    def look(cls, path: Path, *, disk: Disk = os) -> Self:
        """Open the file to read what lies there, whoever holds it; nobody is kept from holding it.

        Raises:
            StoreUnusable: it is something else, or cannot be read.
        """
        try:
            descriptor = disk.open(path, _LOOKING)
        except OSError as error:
            raise StoreUnusable(f"the store {path} cannot be opened: {error.strerror}") from None
        try:
            return cls(path, descriptor, _superblock(disk, descriptor, path, None), disk)
        except OSError as error:
            disk.close(descriptor)
            raise StoreUnusable(f"the store {path} cannot be read: {error.strerror}") from None
        except StoreUnusable:
            disk.close(descriptor)
            raise

    @property
    def capacity(self) -> int:
        """How many boxes the file is made for."""
        return self._superblock.capacity

    @property
    def clock(self) -> int:
        """A time that the relay's clock had reached, Unix seconds; 0 if none was noted."""
        return self._superblock.clock

    @property
    def serial(self) -> int:
        """How often the superblock was noted."""
        return self._superblock.serial

    @property
    def is_closed(self) -> bool:
        """Whether whoever wrote to the file last had finished."""
        return self._superblock.is_closed

    @property
    def pages(self) -> range:
        """The numbers of the pages that can hold a box."""
        return pages_for(self.capacity)

    def write(self, page: int, data: bytes) -> None:
        """Write one whole page in place; durable after `sync`.

        Raises:
            OSError: the disk refused, or took a part only.
        """
        self.write_all({page: data})

    def write_all(self, pages: Mapping[int, bytes]) -> None:
        """Do the same with many, each call to the system taking what lies side by side.

        Raises:
            OSError: the disk refused some, or took a part only; the others may be written.
        """
        for run in _side_by_side(pages):
            taken = self._disk.pwritev(
                self._descriptor, [pages[page] for page in run], run[0] * PAGE_BYTES
            )
            if taken != len(run) * PAGE_BYTES:
                raise OSError("a page was written in part")

    def note(self, *, capacity: int | None = None, clock: int = 0, is_closed: bool = False) -> None:
        """Write a superblock with what is new, while the other one stands; durable after `sync`.

        Raises:
            OSError: the disk refused.
        """
        old = self._superblock
        clock = max(clock, old.clock)
        new = Superblock(old.serial + 1, capacity or old.capacity, clock, is_closed)
        self.write(new.serial % SUPERBLOCKS, superblock_page(new))
        self._superblock = new

    def sync(self) -> None:
        """Return when everything written lies on the disk."""
        self._disk.fdatasync(self._descriptor)

    def read_page(self, page: int) -> bytes:
        """Return the 4096 bytes of *page*.

        Raises:
            StoreFailed: the disk refused.
        """
        try:
            data = self._disk.pread(self._descriptor, PAGE_BYTES, page * PAGE_BYTES)
        except OSError:
            raise StoreFailed("the disk refused to read") from None
        if len(data) != PAGE_BYTES:
            raise StoreFailed("the file became shorter")
        return data

    def read(self, page: int) -> Record | None:
        """Return the box in *page*, or None if it holds none or one that is damaged.

        Raises:
            StoreFailed: the disk refused.
        """
        return read_record(self.read_page(page))

    def read_cached(self, page: int) -> Record | None:
        """Do as `read`, but only if no disk must be waited for.

        Raises:
            BlockingIOError: the page is not in memory.
            StoreFailed: the disk refused.
        """
        data = bytearray(PAGE_BYTES)
        try:
            at = page * PAGE_BYTES
            got = self._disk.preadv(self._descriptor, [data], at, self._cached_only)
        except BlockingIOError:
            raise
        except OSError:
            # This file system does not know the question, or the disk fails: `read` tells which.
            self._cached_only = 0
            return self.read(page)
        if got != PAGE_BYTES:
            raise BlockingIOError
        return read_record(bytes(data))

    def written(self) -> Iterator[range]:
        """Give the pages that can hold a box and may not be fresh, where they lie side by side.

        What was never written the file system mostly knows, and then it need not be read.
        """
        end = self.pages.start * PAGE_BYTES
        try:
            while True:
                start = self._disk.lseek(self._descriptor, end, os.SEEK_DATA)
                end = self._disk.lseek(self._descriptor, start, os.SEEK_HOLE)
                # Blocks may be smaller than pages; no page may come twice.
                after = -(-end // PAGE_BYTES)
                yield range(start // PAGE_BYTES, min(after, self.pages.stop))
                end = after * PAGE_BYTES
        except OSError as error:
            if error.errno != errno.ENXIO:
                # This file system does not know the question, or the disk fails: to read tells.
                yield range(end // PAGE_BYTES, self.pages.stop)

    def read_all(self, wanted: range) -> Iterator[tuple[range, memoryview]]:
        """Give the *wanted* pages, many at a time: their numbers, and their bytes side by side.

        The bytes are good until the next are asked for. Pages that cannot be read are left out.

        Raises:
            StoreFailed: the file became shorter.
        """
        buffer = memoryview(bytearray(_SCAN_PAGES * PAGE_BYTES))
        parts = [buffer[at : at + PAGE_BYTES] for at in range(0, len(buffer), PAGE_BYTES)]
        for pages in self._read_all(wanted, [(part,) for part in parts]):
            yield pages, buffer[: len(pages) * PAGE_BYTES]

    def read_headers(self, wanted: range) -> Iterator[tuple[range, memoryview]]:
        """Do the same with the headers alone. No body is kept, nor in the processor's cache."""
        heads = memoryview(bytearray(_HEADERS_AT_ONCE * HEADER_BYTES))
        body = memoryview(bytearray(PAGE_BYTES - HEADER_BYTES))
        parts = [heads[at : at + HEADER_BYTES] for at in range(0, len(heads), HEADER_BYTES)]
        for pages in self._read_all(wanted, [(part, body) for part in parts]):
            yield pages, heads[: len(pages) * HEADER_BYTES]

    def _read_all(self, wanted: range, parts: Sequence[tuple[memoryview, ...]]) -> Iterator[range]:
        """Read as many pages at once as there are *parts*, and give which could be read."""
        buffers = list(chain.from_iterable(parts))
        for first in range(wanted.start, wanted.stop, len(parts)):
            pages = range(first, min(first + len(parts), wanted.stop))
            try:
                self._fill(buffers[: len(pages) * len(parts[0])], pages)
                yield pages
            except OSError:
                for page in pages:
                    with suppress(OSError):
                        self._fill(parts[0], range(page, page + 1))
                        yield range(page, page + 1)

    def _fill(self, buffers: Sequence[memoryview], pages: range) -> None:
        got = self._disk.preadv(self._descriptor, buffers, pages.start * PAGE_BYTES)
        if got < len(pages) * PAGE_BYTES:
            raise StoreFailed("the file became shorter")

    def resize(self, capacity: int) -> None:
        """Give the file the length that *capacity* boxes need; nothing is noted.

        Raises:
            OSError: the disk refused, or is full.
        """
        length = pages_for(capacity).stop * PAGE_BYTES
        self._disk.posix_fallocate(self._descriptor, 0, length)
        self._disk.ftruncate(self._descriptor, length)
        self._disk.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file and let go of it."""
        self._disk.close(self._descriptor)


def lock(descriptor: int, path: Path) -> None:
    """Hold the store at *path* until the descriptor is closed.

    Raises:
        StoreUnusable: another holds it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreUnusable(
            f"the store {path} is in use by another relay; to end that one: ojak-relay drain"
        ) from None


def _side_by_side(pages: Iterable[int]) -> Iterator[list[int]]:
    """Give *pages* in runs of which each can be written in one call."""
    run: list[int] = []
    for page in sorted(pages):
        if run and (page != run[-1] + 1 or len(run) == _BUFFERS_AT_ONCE):
            yield run
            run = []
        run.append(page)
    if run:
        yield run


def _prepare(disk: Disk, descriptor: int, path: Path, capacity: int | None) -> Superblock:
    """Make an empty file a store, or see that it is the store that is expected."""
    fresh = os.fstat(descriptor).st_size == 0
    if fresh and capacity:
        # Durable before all others: a file that was not finished is still known as ours.
        first = Superblock(0, capacity, clock=0, is_closed=True)
        disk.pwritev(descriptor, [superblock_page(first)], 0)
        disk.fsync(descriptor)
    superblock = _superblock(disk, descriptor, path, capacity)
    # Every block is there before the first box is taken: the disk cannot be full later.
    try:
        disk.posix_fallocate(descriptor, 0, pages_for(superblock.capacity).stop * PAGE_BYTES)
    except OSError:
        if fresh:
            # The next start may ask for less.
            disk.ftruncate(descriptor, 0)
        raise
    disk.fsync(descriptor)
    sync_folder(disk, path)
    return superblock


def check(path: Path, capacity: int, *, disk: Disk = os) -> None:
    """Return if the file at *path*, held by a relay or not, is a store for *capacity* boxes.

    Raises:
        StoreUnusable: it is another, or cannot be read.
    """
    try:
        descriptor = disk.open(path, _LOOKING)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise StoreUnusable(f"{path} is no file; give another path")
            if found.st_size:
                _superblock(disk, descriptor, path, capacity)
        finally:
            disk.close(descriptor)
    except OSError as error:
        raise StoreUnusable(f"the store {path} cannot be read: {error.strerror}") from None


def _superblock(disk: Disk, descriptor: int, path: Path, capacity: int | None) -> Superblock:
    """Return the superblock that counts, of a store for *capacity* boxes if that is given."""
    pages = [disk.pread(descriptor, PAGE_BYTES, at * PAGE_BYTES) for at in range(SUPERBLOCKS)]
    whole = [found for found in map(read_superblock, pages) if found is not None]
    if not whole and pages[0].startswith(EARLIER_FORMAT):
        raise StoreUnusable(
            f"the store {path} is of an earlier version; to bring it to this one: "
            "ojak-relay migrate"
        )
    if not whole:
        raise StoreUnusable(f"{path} is not a store of this relay; give another path")
    superblock = max(whole, key=lambda found: found.serial)
    if capacity and superblock.capacity != capacity:
        raise StoreUnusable(
            f"the store {path} holds {superblock.capacity} boxes, not {capacity}; "
            "to change that: ojak-relay resize"
        )
    return superblock


def sync_folder(disk: Disk, path: Path) -> None:
    """Make durable what the folder of *path* says."""
    folder = disk.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.fsync(folder)
    finally:
        disk.close(folder)
