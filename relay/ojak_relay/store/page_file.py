"""One preallocated file of 4096-byte pages, and what stands in a page.

The first page names the format and the number of boxes. Every other page is fresh (all zeros), a
box, or erased:

    magic 8 ‖ id 32 ‖ commit 8 ‖ expires 8 ‖ released 8 ‖ body checksum 16 ‖ header checksum 16
    body 4000

An erased page has another magic and is otherwise random: a box that was erased stands nowhere in
the file. Pages are written whole and in place. Those of one commit are not relied upon until the
commit is synced, so only pages of the newest commit can be torn: `repair` looks at these bodies,
and at every page whose header is not whole.

One process holds the file. Copy-on-write file systems, snapshots, `data=journal` and the spare
blocks of an SSD may keep what was overwritten; nothing here can reach that.
"""

import fcntl
import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store.base import Record

PAGE_BYTES: Final = 4096
HEADER_BYTES: Final = PAGE_BYTES - BOX_BYTES
SPARE_PAGES: Final = 64
"""Pages beyond the capacity, so that a full store can still replace a box: the new one is durable
before the old one is overwritten."""

_CHECKSUM_BYTES: Final = 16
_HEADER: Final = struct.Struct(">8s32sQQQ16s")
_FIRST: Final = struct.Struct(">8sQ")
_FORMAT: Final = b"ojakpg01"
_BOX: Final = b"ojak box"
_ERASED: Final = b"ojakgone"
_FRESH_HEADER: Final = bytes(HEADER_BYTES)
_FRESH_PAGE: Final = bytes(PAGE_BYTES)
_SCAN_PAGES: Final = 256


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_CHECKSUM_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a page that was once written: of a box, or of an erased page."""

    is_box: bool
    id: MailboxId = field(repr=False)
    commit: int
    expires_at: int
    released_at: int
    body_checksum: bytes = field(repr=False)


def box_page(record: Record, commit: int) -> bytes:
    """Return the page that keeps *record*, 4096 bytes."""
    return _page(_BOX, record.id, commit, (record.expires_at, record.released_at), record.box)


def erased_page(commit: int) -> bytes:
    """Return a page of random bytes that says that it is erased, 4096 bytes."""
    random = os.urandom(32 + 16 + BOX_BYTES)
    times = struct.unpack(">QQ", random[32:48])
    return _page(_ERASED, random[:32], commit, times, random[48:])


def _page(magic: bytes, id_: bytes, commit: int, times: tuple[int, ...], body: bytes) -> bytes:
    header = _HEADER.pack(magic, id_, commit, *times, _checksum(body))
    return header + _checksum(header) + body


def _header(data: bytes) -> Header | None:
    fields, checksum = data[: _HEADER.size], data[_HEADER.size : HEADER_BYTES]
    if _checksum(fields) != checksum:
        return None
    magic, id_, commit, expires_at, released_at, body_checksum = _HEADER.unpack(fields)
    return Header(magic == _BOX, MailboxId(id_), commit, expires_at, released_at, body_checksum)


def _record(data: bytes) -> Record | None:
    """Return the box in a page, or None if the page holds none or one that is damaged."""
    header = _header(data[:HEADER_BYTES])
    body = data[HEADER_BYTES:]
    if header is None or not header.is_box or _checksum(body) != header.body_checksum:
        return None
    return Record(header.id, header.released_at, header.expires_at, body)


class PageFile:
    """The open and locked file; pages are numbered from 1."""

    def __init__(self, descriptor: int, capacity: int) -> None:
        self._descriptor = descriptor
        self._cached_only = getattr(os, "RWF_NOWAIT", 0)
        self.capacity = capacity
        """How many boxes the file is made for."""

    @property
    def pages(self) -> range:
        """The numbers of the pages that can hold a box."""
        return range(1, 1 + self.capacity + SPARE_PAGES)

    @classmethod
    def open(cls, path: Path, capacity: int) -> Self:
        """Open or make the file for *capacity* boxes and hold it until `close`.

        Raises:
            StoreUnusable: it is in use, is something else, or cannot be made.
        """
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise StoreUnusable(f"the store {path} cannot be opened: {error.strerror}") from None
        try:
            _lock(descriptor, path)
            _prepare(descriptor, path, capacity)
        except OSError as error:
            os.close(descriptor)
            raise StoreUnusable(f"the store {path} cannot be made: {error.strerror}") from None
        except StoreUnusable:
            os.close(descriptor)
            raise
        return cls(descriptor, capacity)

    def write(self, page: int, data: bytes) -> None:
        """Write one whole page in place; durable after `sync`.

        Raises:
            OSError: the disk refused, or took a part only.
        """
        if os.pwrite(self._descriptor, data, page * PAGE_BYTES) != PAGE_BYTES:
            raise OSError("a page was written in part")

    def sync(self) -> None:
        """Return when everything written lies on the disk."""
        os.fdatasync(self._descriptor)

    def read(self, page: int) -> Record | None:
        """Return the box in *page*, or None if it holds none or one that is damaged.

        Raises:
            StoreFailed: the disk refused.
        """
        try:
            data = os.pread(self._descriptor, PAGE_BYTES, page * PAGE_BYTES)
        except OSError:
            raise StoreFailed("the disk refused to read") from None
        if len(data) != PAGE_BYTES:
            raise StoreFailed("the file became shorter")
        return _record(data)

    def read_cached(self, page: int) -> Record | None:
        """Do as `read`, but only if no disk must be waited for.

        Raises:
            BlockingIOError: the page is not in memory.
            StoreFailed: the disk refused.
        """
        data = bytearray(PAGE_BYTES)
        try:
            got = os.preadv(self._descriptor, [data], page * PAGE_BYTES, self._cached_only)
        except BlockingIOError:
            raise
        except OSError:
            # This file system does not know the question, or the disk fails: `read` tells which.
            self._cached_only = 0
            return self.read(page)
        if got != PAGE_BYTES:
            raise BlockingIOError
        return _record(bytes(data))

    def scan(self) -> Iterator[tuple[int, Header | None]]:
        """Give every page that is not fresh and its header, or None if that is not whole."""
        for first in range(1, self.pages.stop, _SCAN_PAGES):
            chunk = os.pread(self._descriptor, _SCAN_PAGES * PAGE_BYTES, first * PAGE_BYTES)
            for start in range(0, len(chunk), PAGE_BYTES):
                data = chunk[start : start + HEADER_BYTES]
                fresh = data == _FRESH_HEADER and chunk[start : start + PAGE_BYTES] == _FRESH_PAGE
                if not fresh:
                    yield first + start // PAGE_BYTES, _header(data)

    def is_torn(self, page: int, header: Header) -> bool:
        """Say whether the body of *page* is not the one its header was written with."""
        body = os.pread(self._descriptor, BOX_BYTES, page * PAGE_BYTES + HEADER_BYTES)
        return _checksum(body) != header.body_checksum

    def close(self) -> None:
        """Close the file and let go of it."""
        os.close(self._descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreUnusable(f"the store {path} is in use by another relay") from None


def _prepare(descriptor: int, path: Path, capacity: int) -> None:
    """Make an empty file a store, or see that it is the store that is expected."""
    if os.fstat(descriptor).st_size == 0:
        # The first page before all others: a file that was not finished is still known as ours.
        fields = _FIRST.pack(_FORMAT, capacity)
        os.pwrite(descriptor, (fields + _checksum(fields)).ljust(PAGE_BYTES, b"\0"), 0)
    first = os.pread(descriptor, PAGE_BYTES, 0)
    fields, checksum = first[: _FIRST.size], first[_FIRST.size :][:_CHECKSUM_BYTES]
    if len(first) != PAGE_BYTES or _checksum(fields) != checksum:
        raise StoreUnusable(f"{path} is not a store of this relay; give another path")
    magic, made_for = _FIRST.unpack(fields)
    if magic != _FORMAT:
        raise StoreUnusable(f"{path} has another format; give another path")
    if made_for != capacity:
        raise StoreUnusable(f"the store {path} holds {made_for} boxes, not {capacity}")
    # Every block is there before the first box is taken: the disk cannot be full later.
    os.posix_fallocate(descriptor, 0, (1 + capacity + SPARE_PAGES) * PAGE_BYTES)
    os.fsync(descriptor)
    _sync_folder(path)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
